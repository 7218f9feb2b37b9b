"""The portrait taken apart into a person and a background, so that the person can move and the background stay."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from loki_core.render.warp.mesh import nearest_of

__all__ = ["Layers", "fill_smoothly", "split_layers"]

_RIM = 0.012
"""Share of the window by which the hole behind the person reaches beyond the matte: its edge is never exact."""
_GRAIN = 0.01
"""Share of the window below which structure counts as grain."""
_SURE = 0.02
"""Matte below which a pixel counts as background."""


@dataclass(frozen=True, eq=False)
class Layers:
    """`person + (1 - person alpha) * background` is the portrait again, exactly. Colours sRGB, 0 to 255, times alpha."""

    person: Float[np.ndarray, "H W 4"]
    """What the person adds to the background. May be slightly negative where the matte is wrong."""
    background: Float[np.ndarray, "H W 4"]
    """The picture without the person."""


def split_layers(picture: Float[np.ndarray, "H W 4"], matte: Float[np.ndarray, "H W"]) -> Layers:
    """`picture`: premultiplied RGBA, 0 to 255. The background is continued behind the person."""
    side = max(3, round(_RIM * max(matte.shape)) | 1)
    hole = cv2.dilate((matte > _SURE).astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    background = _with_grain(fill_smoothly(picture, ~hole), hole)
    person = picture - (1 - matte[..., None]) * background
    return Layers(np.concatenate([person[..., :3], matte[..., None] * 255], axis=-1), background)


def _with_grain(background: Float[np.ndarray, "H W 4"], hole: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "H W 4"]:
    """Mirror the fine structure of the picture (canvas, film grain) across the hole's edge into the smoothly filled hole."""
    if hole.all() or not hole.any():
        return background
    grain = background - cv2.GaussianBlur(background, (0, 0), _GRAIN * max(hole.shape))
    edge = nearest_of(~hole)
    height, width = hole.shape
    row, column = (2 * edge - np.indices(hole.shape)).clip(0, [[[height - 1]], [[width - 1]]])
    mirrored = np.where(hole[row, column][..., None], 0, grain[row, column])
    return (background + np.where(hole[..., None], mirrored, 0)).astype(np.float32)


def fill_smoothly(image: Float[np.ndarray, "H W C"], known: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "H W C"]:
    """Keep the known pixels and fill the others from coarser and coarser means of the known (pull-push; Gortler et al. 1996)."""
    weight = known.astype(np.float32)
    if not known.any():
        return np.zeros_like(image)
    return np.where(known[..., None], image, _push(image * weight[..., None], weight))


def _push(weighted: Float[np.ndarray, "H W C"], weight: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W C"]:
    height, width = weight.shape
    mean = weighted / np.maximum(weight, 1e-6)[..., None]
    if min(height, width) <= 1 or weight.min() >= 1:
        return mean
    half = ((width + 1) // 2, (height + 1) // 2)
    coarse_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(weighted, half, interpolation=cv2.INTER_AREA).reshape(*coarse_weight.shape, -1)
    share = np.minimum(coarse_weight * 4, 1)  # a coarse pixel counts in full from one known pixel in four on
    coarse = _push(coarse / np.maximum(coarse_weight, 1e-6)[..., None] * share[..., None], share)
    below = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
    return below + (mean - below) * np.minimum(weight, 1)[..., None]
