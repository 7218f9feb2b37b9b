"""Lips that part further than in the portrait show their red, not the dark line where they met."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from loki_core.head.model import HeadModel
from loki_core.render.warp.face import faces_of
from loki_core.render.warp.mesh import edge_weights, landmark_vertices, rigid_motion, smooth_step, spread_values

__all__ = ["Lips", "build_lips"]

_UPPER_LIP, _LOWER_LIP = (82, 13, 312), (87, 14, 317)
"""MediaPipe's points in the middle of the lips' inner edges."""
_SEAM = 0.0015
"""Metres beside the line where the lips meet that show no red."""
_PARTED = 0.006
"""Metres that lips part before they show their red alone."""


@dataclass(frozen=True, eq=False)
class Lips:
    """What parting lips show."""

    upper: Int[np.ndarray, "A"]
    lower: Int[np.ndarray, "B"]
    """Vertices at the middle of either lip's inner edge."""
    down: Float[np.ndarray, "3"]
    """Direction from the upper lip to the lower, camera space at the fit."""
    rim: Int[np.ndarray, "R"]
    """All of the lips' vertices."""
    shift: Float[np.ndarray, "V 2"]
    """Change of the skin's places when the lips have parted, window pixels."""

    def parting(self, displacement: Float[np.ndarray, "V 3"]) -> float:
        """0 as in the portrait (or closer), 1 when the lips have parted by `_PARTED` more."""
        apart = (displacement[self.lower].mean(0) - displacement[self.upper].mean(0)) @ self.down
        return float(smooth_step(apart, 0, _PARTED))


def build_lips(
    head: HeadModel, vertices: Float[np.ndarray, "V 3"], place: Float[np.ndarray, "V 2"], visible: Bool[np.ndarray, "V"]
) -> Lips:
    """The lips of a head with `vertices` at the fit; `visible` marks those that the portrait shows."""
    surface = head.faces.numpy()[faces_of(head, "skin", "lips")]
    lips = head.vertex_masks["lips"].numpy()
    inner = lips & ~visible
    inside = head.faces.numpy()[faces_of(head, "mouth_cavity")]
    inner |= lips & np.isin(np.arange(len(vertices)), inside)
    free = inner.copy()
    if inner.any():
        free = lips & (cKDTree(vertices[inner]).query(vertices)[0] < _SEAM)
    goal = spread_values(place, ~free, edge_weights(vertices, surface))
    rotation, _ = rigid_motion(head.template.numpy(), vertices)
    upper, lower = landmark_vertices(head, _UPPER_LIP), landmark_vertices(head, _LOWER_LIP)
    return Lips(upper, lower, -rotation[:, 1], np.flatnonzero(lips), goal - place)
