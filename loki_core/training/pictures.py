"""Pictures in training: as networks have them, and how far two are apart."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

__all__ = ["in_bytes", "pyramid_difference", "signed"]

_OCTAVES = 4


def signed(pictures: UInt8[Tensor, "*B H W"]) -> Float[Tensor, "*B H W"]:
    """sRGB bytes as networks have them, in [-1, 1]."""
    return pictures.float() / 127.5 - 1


def in_bytes(pictures: Float[Tensor, "*B H W"]) -> UInt8[Tensor, "*B H W"]:
    """The inverse of `signed`; what lies beyond [-1, 1] is cut."""
    return ((pictures.clamp(-1, 1) + 1) * 127.5 + 0.5).to(torch.uint8)


def pyramid_difference(one: Float[Tensor, "B 3 S S"], other: Float[Tensor, "B 3 S S"]) -> Float[Tensor, ""]:
    """Mean absolute difference over the octaves of the Laplacian pyramids (Burt, Adelson 1983; halving by means)."""
    difference, losses = one - other, []
    for _ in range(_OCTAVES):
        coarse = F.avg_pool2d(difference, 2)
        losses.append((difference - F.interpolate(coarse, scale_factor=2.0)).abs().mean())
        difference = coarse
    return torch.stack(losses).mean()
