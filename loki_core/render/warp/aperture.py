"""Where lids end and eyes begin: the mesh's lids are moved onto the edge that the picture itself shows.

Face landmarks miss that edge in paintings and cartoons by up to a quarter of the eye's height. A lid that carries pixels of
the eye could not close over it.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from loki_core.head.model import HeadModel
from loki_core.raster.camera import Camera, project
from loki_core.render.warp.eye_view import CORNERS, LEVEL_WIDTH, LOWER_LID, UPPER_LID, Level, Outline
from loki_core.render.warp.face import eye_opening
from loki_core.render.warp.mesh import landmark_points, rigid_motion, smooth_step

__all__ = ["fit_apertures"]

_DEPTH = 0.04
"""Metres before and behind an eye within which its surroundings follow."""
_SURE, _POSSIBLE = 0.14, 0.28
"""Shares of an eye's height inside its landmarks that are surely eye, and outside them that may be."""
_LIMIT = 0.3
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
        outline = level.points(landmarks[[*UPPER_LID[side], *CORNERS[side], *LOWER_LID[side]]])
        change = _change(drawn, _eye_pixels(level.cut(picture), outline), points)
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


def _eye_pixels(level: UInt8[np.ndarray, "h w 3"], outline: Float[np.ndarray, "K 2"]) -> Bool[np.ndarray, "h w"]:
    """Pixels of the eye by colour and contrast (GrabCut; Rother et al. 2004), from what its `outline` of landmarks encloses."""
    height = np.ptp(outline[:, 1])
    hull = cv2.convexHull(np.round(outline).astype(np.int32))
    inside = cv2.fillPoly(np.zeros(level.shape[:2], np.uint8), [hull], 1)
    trial = np.full(level.shape[:2], cv2.GC_BGD, np.uint8)
    trial[cv2.dilate(inside, _disc(LEVEL_WIDTH / 8, height * _POSSIBLE)) > 0] = cv2.GC_PR_BGD
    trial[inside > 0] = cv2.GC_PR_FGD
    trial[cv2.erode(inside, _disc(height * _SURE, height * _SURE)) > 0] = cv2.GC_FGD
    if not {cv2.GC_FGD, cv2.GC_BGD} <= set(np.unique(trial).tolist()):
        return np.zeros(level.shape[:2], dtype=bool)
    cv2.setRNGSeed(0)  # GrabCut draws from it: the same portrait shall always give the same lids
    cv2.grabCut(
        cv2.cvtColor(level, cv2.COLOR_RGB2LAB), trial, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK
    )
    found = np.isin(trial, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(cv2.morphologyEx(found, cv2.MORPH_OPEN, _disc(4, 4)), cv2.MORPH_CLOSE, _disc(6, 6))
    return found > 0


def _disc(across: float, down: float) -> UInt8[np.ndarray, "h w"]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(across) + 1, 2 * int(down) + 1))
