"""Between a picture and the square that the network draws."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from loki_core.raster.camera import CropBox
from loki_core.render.lia_x.square import Square, cut, lay_back

__all__ = ["box_of", "keep_likeness", "lay_over", "soft_cover", "to_network"]

Image = UInt8[np.ndarray, "H W 3"]
_BEYOND = 0.05
"""Of the square's side: how far beyond the head the network's picture is shown."""
_APART = 0.3
"""Of values in [-1, 1]: where two drawings differ by more, they do not show the same thing."""
_NEAR = 0.7
"""Pixels of the network over which differences are seen together."""


def box_of(square: Square) -> CropBox:
    """The same square as the driver map takes it."""
    half = square.side / 2
    return CropBox(square.left + half, square.top + half, half)


def to_network(image: Image, square: Square, size: int) -> Float[Tensor, "3 S S"]:
    """The square at the network's size, in [-1, 1]."""
    pixels = _scaled(cut(image, square).astype(np.float32), size)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1).contiguous()


def soft_cover(head: Bool[Tensor, "S S"]) -> Float[np.ndarray, "S S"]:
    """Share of what the network drew: 1 on the head and a little beyond it, fading to 0."""
    margin = round(_BEYOND * len(head))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    wide = cv2.dilate(head.numpy().astype(np.float32), disc)
    return cv2.GaussianBlur(wide, (0, 0), max(0.5, margin / 2))


def keep_likeness(
    drawn: Float[Tensor, "3 S S"], portrait: Float[Tensor, "3 S S"], own: Float[Tensor, "3 S S"], share: float
) -> Float[Tensor, "3 S S"]:
    """What the network drew, put right by what it gets wrong in the portrait itself; not cut to [-1, 1].

    `portrait` and `own`: the portrait, and the network's drawing of it, both moved to this frame by the warp. The difference of
    the two is added by `share` where `drawn` and `own` agree. Where they do not, the warp moved something that the network did
    not, and the difference belongs elsewhere.
    """
    apart = cv2.GaussianBlur((drawn - own).abs().mean(0).numpy(), (0, 0), _NEAR)
    agree = torch.from_numpy(np.exp(-((apart / _APART) ** 2)))
    return drawn + share * agree * (portrait - own)


def lay_over(
    warped: Image, square: Square, drawn: Float[Tensor, "3 S S"], detail: float, cover: Float[np.ndarray, "S S"] | None = None
) -> Image:
    """What the network drew, about in [-1, 1], laid into the warped picture. It fades into it towards the square's edges.

    `detail`: how much of what is finer than the network's pixels comes from the warp: 0 none, 1 all. `cover`: how much of it
    is shown where; None: all.
    """
    pixels = (drawn.permute(1, 2, 0).numpy() + 1) * 127.5
    grown, below = _scaled(pixels, square.side), cut(warped, square).astype(np.float32)
    if detail:
        grown += detail * (below - _scaled(_scaled(below, len(pixels)), square.side))
    if cover is not None:
        share = cv2.resize(cover, (square.side, square.side), interpolation=cv2.INTER_LINEAR)
        grown = below + share[..., None] * (grown - below)
    return lay_back(warped, square, np.round(grown).clip(0, 255).astype(np.uint8))


def _scaled(image: Float[np.ndarray, "R R 3"], side: int) -> Float[np.ndarray, "S S 3"]:
    """Means of the pixels towards a smaller size, cubic towards a larger one."""
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if side < len(image) else cv2.INTER_CUBIC)
