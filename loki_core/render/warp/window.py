"""The part of the picture in which the person moves, and the camera that sees just that part."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.raster.camera import Camera, project

__all__ = ["Box", "Window", "clip_of", "window_around"]

_SIDE, _ABOVE, _BELOW = 0.9, 0.5, 0.5
"""Reach beyond the head's middle, top and chin, in heights of the head."""


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels inside the picture, and the size it is worked on at."""

    left: int
    top: int
    width: int
    height: int
    scale: float
    """Working pixels per pixel of the picture."""

    @property
    def size(self) -> tuple[int, int]:
        """Working (height, width)."""
        return max(1, round(self.height * self.scale)), max(1, round(self.width * self.scale))

    def camera(self, camera: Camera) -> Camera:
        """The picture's camera, in working pixels."""
        height, width = self.size
        return Camera(
            focal=camera.focal * self.scale,
            cx=(camera.cx - self.left) * self.scale,
            cy=(camera.cy - self.top) * self.scale,
            width=width,
            height=height,
        )


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels of the window."""

    left: int
    top: int
    width: int
    height: int

    @property
    def rows(self) -> slice:
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.left + self.width)


def window_around(camera: Camera, head: Float[Tensor, "V 3"], *, largest: int) -> Window:
    """The window for a head whose vertices (without the neck) are given in camera space; `largest` bounds its working side."""
    pixels = project(camera, head)
    low, high = pixels.amin(0), pixels.amax(0)
    middle, height = (low + high) / 2, float(high[1] - low[1])
    left = max(0, int(middle[0] - _SIDE * height))
    right = min(camera.width, int(middle[0] + _SIDE * height) + 1)
    top = max(0, int(low[1] - _ABOVE * height))
    bottom = min(camera.height, int(high[1] + _BELOW * height) + 1)
    return Window(left, top, right - left, bottom - top, min(1.0, largest / max(right - left, bottom - top)))


def clip_of(pixels: Float[Tensor, "*B V 2"], depth: Float[Tensor, "*B V"], size: tuple[int, int]) -> Float[Tensor, "*B V 4"]:
    """Pixels and depth (metres, larger is farther) to clip space with w = 1: barycentrics stay linear in the image."""
    height, width = size
    x, y = pixels.unbind(-1)
    return torch.stack([2 * x / width - 1, 1 - 2 * y / height, depth / 10, torch.ones_like(depth)], dim=-1)
