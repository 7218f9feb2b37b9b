"""The face mesh: what its skin shows of the portrait, and how much of it, rather than of the sheet, is shown."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from loki_core.head.model import PART_NAMES, HeadModel
from loki_core.raster.camera import Camera
from loki_core.raster.rasterize import RasterBuffers
from loki_core.render.warp.mesh import edge_weights, smooth_step, spread_values, vertex_normals

__all__ = ["Skin", "build_skin", "eye_clearance", "faces_of", "skin_faces"]

_RIM = 0.022
"""Metres from the hairline, the ears and the neck over which the mesh fades into the sheet."""
_TURNED = (0.1, 0.35)
"""Cosine to the view between which a vertex fades in: near the outline the sheet knows better where the person ends."""
_OUTLINE = (0.002, 0.012)
"""Metres from the head's outline in the picture over which the mesh fades in."""
_POCKET = 0.0002
"""Metres from the eyeball below which skin belongs to the pocket behind the lids."""
_HIDDEN = 0.002
"""Metres behind the nearest surface from which a vertex counts as hidden."""


@dataclass(frozen=True, eq=False)
class Skin:
    """What the head's vertices know of the portrait. Where they are not skin, the values mean nothing."""

    place: Float[np.ndarray, "V 2"]
    """The pixel each vertex shows; hidden ones take places between those of the visible around them."""
    share: Float[np.ndarray, "V"]
    """How much of the mesh is shown: 1 inside the face, 0 from its rim on and at the portrait's outline."""
    visible: Bool[np.ndarray, "V"]
    """Whether the portrait shows the vertex."""
    normals: Float[np.ndarray, "V 3"]
    """At the fit, camera space."""

    def shown(self, rotation: Float[np.ndarray, "3 3"], vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V"]:
        """`share` after the skull turned by `rotation` since the fit: it also fades at the new outline."""
        return self.share * smooth_step(_towards(self.normals @ rotation.T, vertices), *_TURNED)


def faces_of(head: HeadModel, *names: str) -> Bool[np.ndarray, "F"]:
    """Faces that belong to the parts called `names`."""
    return np.isin(head.face_part.numpy(), [PART_NAMES.index(name) for name in names])


def eye_clearance(head: HeadModel, side: str) -> Float[np.ndarray, "V"]:
    """Metres between the eyeball and each vertex of the skin, negative inside; infinite for what is not skin."""
    template = head.template.numpy()
    ball = template[head.vertex_masks[f"eye_{side}"].numpy()]
    centre = (head.joint_regressor @ head.template)[3 if side == "left" else 4].numpy()
    clearance = np.linalg.norm(template - centre, axis=1) - np.linalg.norm(ball - centre, axis=1).mean()
    return np.where(np.isin(np.arange(len(template)), head.faces.numpy()[faces_of(head, "skin")]), clearance, np.inf)


def skin_faces(head: HeadModel) -> Bool[np.ndarray, "F"]:
    """Skin and lips, without the pockets behind the lids: those lie inside the eyeballs and would cover them."""
    inside = np.zeros(len(head.template), dtype=bool)
    for side in ("left", "right"):
        inside |= eye_clearance(head, side) < _POCKET
    return faces_of(head, "skin", "lips") & ~inside[head.faces.numpy()].all(1)


def build_skin(
    head: HeadModel, vertices: Float[np.ndarray, "V 3"], pixels: Float[np.ndarray, "V 2"], seen: RasterBuffers, camera: Camera
) -> Skin:
    """The skin of a head whose `vertices` (camera space, at `pixels` of the window) are `seen` at the fit."""
    surface = head.faces.numpy()[faces_of(head, "skin", "lips", "mouth_cavity")]
    normals = vertex_normals(vertices, surface)
    towards = _towards(normals, vertices)
    visible = (towards > _TURNED[0]) & ~_hidden(vertices, pixels, seen)
    on_surface = np.isin(np.arange(len(vertices)), surface)
    weights = edge_weights(vertices, surface)
    place = spread_values(pixels, visible | ~on_surface, weights)
    share = np.where(visible, _inside_outline(vertices, pixels, seen, camera), 1.0)
    share = spread_values(share[:, None], visible | ~on_surface, weights)[:, 0]
    return Skin(place, share.clip(0, 1) * _region(head), visible, normals)


def _region(head: HeadModel) -> Float[np.ndarray, "V"]:
    """1 inside the face, 0 where hair, ears and neck begin."""
    template = head.template.numpy()
    beyond = np.zeros(len(template), dtype=bool)
    for name in ("scalp", "neck", "ear_left", "ear_right"):
        if name in head.vertex_masks:
            beyond |= head.vertex_masks[name].numpy()
    return smooth_step(cKDTree(template[beyond]).query(template)[0], 0, _RIM) if beyond.any() else np.ones(len(template))


def _towards(normals: Float[np.ndarray, "V 3"], vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V"]:
    """Cosine between a normal and the direction to the camera."""
    return -np.einsum("vk,vk->v", normals, vertices) / np.linalg.norm(vertices, axis=1)


def _inside_outline(vertices: np.ndarray, pixels: np.ndarray, seen: RasterBuffers, camera: Camera) -> Float[np.ndarray, "V"]:
    """0 at the outline of the whole head in the picture, 1 well inside."""
    inside = cv2.distanceTransform((seen.face_index.numpy() >= 0).astype(np.uint8), cv2.DIST_L2, 5)
    column, row = pixels.astype(np.int64).clip(0, [camera.width - 1, camera.height - 1]).T
    return smooth_step(inside[row, column] * -vertices[:, 2] / camera.focal, *_OUTLINE)


def _hidden(vertices: np.ndarray, pixels: np.ndarray, seen: RasterBuffers) -> Bool[np.ndarray, "V"]:
    height, width = seen.face_index.shape
    column, row = pixels.astype(np.int64).clip(0, [width - 1, height - 1]).T
    return -vertices[:, 2] > seen.depth.numpy()[row, column] * 10 + _HIDDEN
