"""The face mesh and what its vertices know: their pixel in the portrait and how much the mesh, not the sheet, is shown there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree
from torch import Tensor

from loki_core.head.model import PART_NAMES, HeadModel
from loki_core.raster.rasterize import RasterBuffers
from loki_core.render.warp.mesh import edge_weights, smooth_step, spread_values, vertex_normals

__all__ = ["Face", "build_face", "faces_of"]

_RIM = 0.022
"""Metres from the hairline, the ears and the neck over which the mesh fades into the sheet."""
_TURNED = (0.12, 0.4)
"""Cosine to the view between which a vertex fades in: near the outline the sheet knows better where the person ends."""


@dataclass(frozen=True, eq=False)
class Face:
    """The part of the head mesh that is drawn over the sheet."""

    faces: Int[Tensor, "F 3"]
    place: Float[np.ndarray, "V 2"]
    """Each vertex's pixel in the portrait, window pixels."""
    region: Float[np.ndarray, "V"]
    """1 inside the face, 0 from its rim on."""
    normals: Float[np.ndarray, "V 3"]
    """At the fit, camera space."""

    def share(self, rotation: Float[np.ndarray, "3 3"], vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V"]:
        """How much of the mesh is shown at each vertex after the skull turned by `rotation` since the fit."""
        towards = -np.einsum("vk,vk->v", self.normals @ rotation.T, vertices) / np.linalg.norm(vertices, axis=1)
        return self.region * smooth_step(towards, *_TURNED)


def faces_of(head: HeadModel, *names: str) -> Bool[np.ndarray, "F"]:
    """Faces that belong to the parts called `names`."""
    return np.isin(head.face_part.numpy(), [PART_NAMES.index(name) for name in names])


def build_face(
    head: HeadModel, vertices: Float[np.ndarray, "V 3"], pixels: Float[np.ndarray, "V 2"], seen: RasterBuffers
) -> Face:
    """The face of a head whose `vertices` (camera space, at `pixels`) are `seen` at the fit."""
    faces = head.faces.numpy()
    skin = faces[faces_of(head, "skin", "lips", "mouth_cavity")]
    normals = vertex_normals(vertices, skin)
    place = _filled_places(vertices, pixels, skin, _visible(vertices, pixels, normals, seen))
    region = _region(head)
    return Face(torch.from_numpy(faces[(region[faces] > 0).any(1)].astype(np.int32)), place, region, normals)


def _region(head: HeadModel) -> Float[np.ndarray, "V"]:
    template = head.template.numpy()
    beyond = np.zeros(len(template), dtype=bool)
    for name in ("scalp", "neck", "ear_left", "ear_right"):
        beyond |= head.vertex_masks[name].numpy()
    region = smooth_step(cKDTree(template[beyond]).query(template)[0], 0, _RIM)
    region[~np.isin(np.arange(len(template)), head.faces.numpy()[faces_of(head, "skin", "lips")])] = 1
    return region


def _visible(vertices: np.ndarray, pixels: np.ndarray, normals: np.ndarray, seen: RasterBuffers) -> Bool[np.ndarray, "V"]:
    """Vertices that face the camera and that nothing hides."""
    height, width = seen.face_index.shape
    column, row = pixels.astype(np.int64).clip(0, [width - 1, height - 1]).T
    nearest = seen.depth.numpy()[row, column] * 10
    towards = -np.einsum("vk,vk->v", normals, vertices) / np.linalg.norm(vertices, axis=1)
    return (towards > 0.1) & (-vertices[:, 2] < nearest + 0.002)


def _filled_places(vertices: np.ndarray, pixels: np.ndarray, skin: np.ndarray, visible: np.ndarray) -> Float[np.ndarray, "V 2"]:
    """Hidden vertices take places between those of the visible ones around them: what comes into view is stretched skin."""
    on_skin = np.zeros(len(vertices), dtype=bool)
    on_skin[skin] = True
    return spread_values(pixels, visible | ~on_skin, edge_weights(vertices, skin))
