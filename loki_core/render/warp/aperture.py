"""Where lids end and eyes begin: the mesh's lids are moved onto the edge that the picture itself shows.

Face landmarks miss that edge in paintings and cartoons by up to a quarter of the eye's height. A lid that carries pixels of
the eye could not close over it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from loki_core.head.model import HeadModel
from loki_core.raster.camera import Camera, project
from loki_core.render.warp.eye_view import CORNERS, LEVEL_WIDTH, UPPER_LID, Level, Outline, eye_pixels
from loki_core.render.warp.face import eye_opening
from loki_core.render.warp.mesh import landmark_points, rigid_motion, smooth_step

__all__ = ["fit_apertures"]

_DEPTH = 0.04
"""Metres before and behind an eye within which its surroundings follow."""
_LIMIT = 0.5
"""Share of an eye's height that a lid is moved by at most."""
_PLAUSIBLE = (0.6, 1.9)
"""Area found, in areas that the landmarks enclose: outside this range nothing is moved."""
_REACH = 0.35
"""Share of an eye's width over which the skin around it follows."""


def fit_apertures(
    head: HeadModel,
    fitted: HeadModel,
    vertices: Float[np.ndarray, "V 3"],
    camera: Camera,
    picture: UInt8[np.ndarray, "H W 3"],
    landmarks: Float[np.ndarray, "L 2"],
) -> HeadModel:
    """Move the lids of `head`, which for the portrait was `fitted` and stands at `vertices` in camera space, onto the edges of
    the eyes in the picture (`landmarks` in its pixels)."""
    pixels = project(camera, torch.from_numpy(vertices)).numpy()
    moved = np.zeros_like(vertices)
    for side in ("left", "right"):
        if (level := Level.on(landmarks[list(CORNERS[side])])) is None:
            continue
        points = level.points(pixels)
        drawn = eye_opening(head, side, points, -vertices[:, 2], level.size[::-1])
        change = _change(drawn, eye_pixels(level, picture, landmarks, side), points)
        near = np.abs(vertices[:, 2] - landmark_points(head, UPPER_LID[side], vertices)[:, 2].mean()) < _DEPTH
        moved[:, :2] += level.back(change) * near[:, None]
    metres = moved * [1, -1, 1] * -vertices[:, 2:] / camera.focal
    for name in ("eye_left", "eye_right"):
        metres[head.vertex_masks[name].numpy()] = 0
    rotation, _ = rigid_motion(fitted.template.double().numpy(), vertices)
    return replace(fitted, template=fitted.template + torch.from_numpy(metres @ rotation).float())


def _change(
    drawn: Bool[np.ndarray, "h w"], eye: Bool[np.ndarray, "h w"], points: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, "N 2"]:
    """How each point moves so that the opening that is `drawn` becomes the `eye`; zeros where that is not believable."""
    if drawn.any(0).sum() < LEVEL_WIDTH / 3 or not _PLAUSIBLE[0] < eye.sum() / drawn.sum() < _PLAUSIBLE[1]:
        return np.zeros_like(points)
    old, new = Outline.of(drawn), Outline.of(eye)
    limit = _LIMIT * old.height
    left = min(old.left, max(new.left, old.left - limit))
    right = max(old.right, min(new.right, old.right + limit))
    x, y = points.T
    along = (x - old.left) / (old.right - old.left)
    share = along.clip(0, 1)
    upper, lower = old.edges(share)
    to_upper, to_lower = (n - o for n, o in zip(new.edges(share), (upper, lower), strict=True))
    tall = smooth_step(np.abs(share - 0.5), 0.5, 0.35)  # in the corners both lids move alike
    middle = (to_upper + to_lower) / 2
    below = y > (upper + lower) / 2
    down = middle + (np.where(below, to_lower, to_upper) - middle) * tall
    away = np.hypot((along - share) * (old.right - old.left), y - np.where(below, lower, upper))
    across = left + share * (right - left) - (old.left + share * (old.right - old.left))
    fade = np.exp(-((away / (_REACH * LEVEL_WIDTH)) ** 2))
    return np.stack([across.clip(-limit, limit), down.clip(-limit, limit)], axis=1) * fade[:, None]
