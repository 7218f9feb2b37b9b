"""A pinhole camera that looks along -z, and the square crop that the driver map is drawn in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Camera", "CropBox", "clip_from_camera", "head_crop", "image_clip", "project"]

_NEAREST = 1e-6
"""Metres; nearer points count as behind the camera."""


@dataclass(frozen=True)
class Camera:
    """Pinhole camera; all in pixels of the image it belongs to."""

    focal: float
    cx: float
    cy: float
    width: int
    height: int


@dataclass(frozen=True)
class CropBox:
    """A square of the image, pixels; may reach beyond its borders."""

    cx: float
    cy: float
    half: float
    """Half the side."""


def project(camera: Camera, points: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 2"]:
    """Camera-space points (metres, z < 0 in front) to pixels, x right and y down."""
    x, y, z = points.unbind(-1)
    return torch.stack([camera.cx - camera.focal * x / z, camera.cy + camera.focal * y / z], dim=-1)


def head_crop(pixels: Float[Tensor, "V 2"], *, margin: float = 0.2) -> CropBox:
    """The square around projected head vertices: half side = max(w, h) / 2 * (1 + margin) (Loki's paper)."""
    low, high = pixels.amin(0), pixels.amax(0)
    centre = (low + high) / 2
    return CropBox(float(centre[0]), float(centre[1]), float((high - low).max()) / 2 * (1 + margin))


def clip_from_camera(camera: Camera, crop: CropBox, points: Float[Tensor, "*B V 3"]) -> Float[Tensor, "*B V 4"]:
    """Camera-space vertices to the crop's clip space with w = 1 (orthographic after projection, as in Loki's paper).

    x right and y up in [-1, 1] over the crop; z = depth scaled into [-1, 1] by each item's own range, smaller is nearer. A point
    at or behind the camera gets w = 0: no triangle with it is drawn.
    """
    depth = -points[..., 2]
    in_front = depth > _NEAREST
    pixels = project(camera, torch.cat([points[..., :2], points[..., 2:].clamp_max(-_NEAREST)], dim=-1))
    x = (pixels[..., 0] - crop.cx) / crop.half
    y = (crop.cy - pixels[..., 1]) / crop.half
    near, far = depth.amin(-1, keepdim=True), depth.amax(-1, keepdim=True)
    z = (2 * depth - near - far) / (far - near).clamp_min(_NEAREST)
    return torch.stack([x, y, z, in_front.to(x.dtype)], dim=-1)


def image_clip(camera: Camera, points: Float[Tensor, "*B V 3"]) -> Float[Tensor, "*B V 4"]:
    """Camera-space vertices to the perspective clip space of the whole image; w is the depth in metres.

    z/w runs from -1 at each item's nearest point to 1 at its farthest and is affine on screen, as a z-buffer needs.
    """
    depth = -points[..., 2]
    x = depth * (2 * camera.cx / camera.width - 1) + points[..., 0] * (2 * camera.focal / camera.width)
    y = depth * (1 - 2 * camera.cy / camera.height) + points[..., 1] * (2 * camera.focal / camera.height)
    near = depth.amin(-1, keepdim=True).clamp_min(_NEAREST)
    far = torch.maximum(depth.amax(-1, keepdim=True), near + _NEAREST)
    z = (depth * (far + near) - 2 * far * near) / (far - near)
    return torch.stack([x, y, z, depth], dim=-1)
