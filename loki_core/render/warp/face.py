"""The face mesh: what its skin shows of the portrait, and how much of it, rather than of the sheet, is shown."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from loki_core.head.model import PART_NAMES, HeadModel
from loki_core.raster.camera import Camera
from loki_core.raster.rasterize import RasterBuffers, rasterize
from loki_core.render.warp.mesh import edge_weights, smooth_step, spread_values, vertex_normals
from loki_core.render.warp.window import clip_of

__all__ = ["Skin", "build_skin", "eye_clearance", "eye_opening", "faces_of", "skin_faces"]

_RIM = 0.022
"""Metres from the hairline, the ears and the neck over which the mesh fades into the sheet."""
_TURNED = (0.1, 0.35)
"""Cosine to the view between which a vertex fades in: near the outline the sheet knows better where the person ends."""
_OUTLINE = (0.002, 0.012)
"""Metres from the head's outline in the picture over which the mesh fades in."""
_POCKET = 1.5
"""Radii of an eyeball within which skin may belong to the pocket behind its lids."""
_POCKET_PIXELS = 320
"""Side of the views in which that is decided."""
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


@lru_cache(maxsize=4)
def skin_faces(head: HeadModel) -> Bool[np.ndarray, "F"]:
    """Skin and lips, without the pockets behind the lids, which would cover eyes of another size than the head's own."""
    return faces_of(head, "skin", "lips") & ~_pocket(head, "left") & ~_pocket(head, "right")


def _pocket(head: HeadModel, side: str) -> Bool[np.ndarray, "F"]:
    """Faces around an eye that are not seen from anywhere in front of it."""
    template, faces = head.template.double().numpy(), head.faces.numpy()
    ball = template[head.vertex_masks[f"eye_{side}"].numpy()]
    centre, radius = ball.mean(0), np.ptp(ball[:, 0]) / 2
    hidden = (np.linalg.norm(template - centre, axis=1) < _POCKET * radius)[faces].all(1)
    scale = _POCKET_PIXELS / (4 * radius)
    for yaw, pitch in itertools.product((-30, 0, 30), (-25, 0, 25)):
        turned = (template - centre) @ Rotation.from_euler("yx", (yaw, pitch), degrees=True).as_matrix().T
        pixels = torch.from_numpy(turned[:, :2] * [scale, -scale] + _POCKET_PIXELS / 2).float()
        size = (_POCKET_PIXELS, _POCKET_PIXELS)
        seen = rasterize(clip_of(pixels, torch.from_numpy(-turned[:, 2]).float(), size), head.faces, size=size).face_index
        hidden[seen[seen >= 0].numpy()] = False
    return hidden


def eye_opening(
    head: HeadModel, side: str, pixels: Float[np.ndarray, "V 2"], depth: Float[np.ndarray, "V"], size: tuple[int, int]
) -> Bool[np.ndarray, "h w"]:
    """The hole between the lids of an eye, for vertices at `pixels` and `depth` (metres, larger is farther)."""
    clip = clip_of(torch.from_numpy(pixels).float(), torch.from_numpy(depth).float(), size)
    bare = rasterize(clip, head.faces[torch.from_numpy(skin_faces(head))], size=size).face_index.numpy() < 0
    _, label = cv2.connectedComponents(bare.astype(np.uint8), connectivity=4)
    middle = pixels[head.vertex_masks[f"eye_{side}"].numpy()]
    near = np.zeros(size, np.uint8)
    radius = np.ptp(middle[:, 0]) / 4
    cv2.circle(near, np.round(middle.mean(0)).astype(int).tolist(), max(1, round(radius)), 1, cv2.FILLED)
    found = label[(near > 0) & bare]
    return label == np.bincount(found).argmax() if len(found) else np.zeros(size, dtype=bool)


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
