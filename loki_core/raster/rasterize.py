"""Z-buffering of triangles: which one is seen at each pixel, where on it, how far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, tau
from typing import Any

import torch
import warp as wp
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from loki_core.raster.device import launch, row_lanes, view
from loki_core.raster.kernels import EMPTY, SUBPIXEL_BITS, depth_test, interpolate, paint, paint_waves, resolve

__all__ = ["RasterBuffers", "interpolate_attributes", "paint_vertex_waves", "paint_vertices", "rasterize"]

_FARTHEST = 2.0**20
"""Pixels from the image's middle within which coverage is exact."""


@dataclass(frozen=True, eq=False)
class RasterBuffers:
    """One z-buffered pass. Row 0 is the top of the image, pixel centres lie at +0.5."""

    face_index: Int[Tensor, "*B H W"]
    """Nearest triangle, -1 on background; int32."""
    barycentrics: Float[Tensor, "*B H W 3"]
    """Perspective-correct weights of its vertices: sum to 1, or 0 on background."""
    depth: Float[Tensor, "*B H W"]
    """z/w of that surface, in [-1, 1] where the clip coordinates are; smaller is nearer; +inf on background."""

    @property
    def mask(self) -> Bool[Tensor, "*B H W"]:
        """Where a triangle is seen."""
        return self.face_index >= 0


def rasterize(
    clip: Float[Tensor, "*B V 4"], faces: Int[Tensor, "F 3"], *, size: tuple[int, int], cull: bool = True
) -> RasterBuffers:
    """Rasterise clip-space triangles on the tensors' device; `size` is (height, width).

    Front faces are counter-clockwise seen from outside; `cull` drops the others. A pixel belongs to the triangle that holds its
    centre, on a shared edge to the one whose top or left edge it is; at equal depth the lower face index wins. Vertices are
    snapped to 1/256 pixel. A triangle is dropped whole when one of its vertices lies behind the camera (w <= 0) or a million
    pixels away; there is no near or far plane. Not differentiable.

    Raises `ValueError` for coordinates that are not finite, for faces that name no vertex, and for an empty image.
    """
    height, width = size
    _check(clip, faces, size)
    batch, items = clip.shape[:-2], prod(clip.shape[:-2])
    xy, z, per_w, usable = _on_screen(clip.detach().reshape(items, -1, 4).float(), size)
    device = clip.device
    keys = torch.full((items, height, width), EMPTY, dtype=torch.int64, device=device)
    face_index = torch.full((items, height, width), -1, dtype=torch.int32, device=device)
    barycentrics = torch.zeros((items, height, width, 3), device=device)
    depth = torch.full((items, height, width), torch.inf, device=device)
    lanes = row_lanes(device)
    corners, places, stored = view(_triangles(faces, device), wp.vec3i), view(xy, wp.vec2i), view(keys, wp.int64)
    launch(
        depth_test, (items, len(faces)),
        places, view(z, wp.float32), view(usable, wp.bool), corners, cull, 0, stored,
        device=device,
    )  # fmt: skip
    launch(
        resolve, (items, height, lanes),
        stored, places, view(per_w, wp.float32), corners, lanes,
        view(face_index, wp.int32), view(barycentrics, wp.vec3), view(depth, wp.float32),
        device=device,
    )  # fmt: skip
    image = (*batch, height, width)
    return RasterBuffers(face_index.reshape(image), barycentrics.reshape(*image, 3), depth.reshape(image))


def interpolate_attributes(
    buffers: RasterBuffers, faces: Int[Tensor, "F 3"], attributes: Float[Tensor, "*B V C"]
) -> Float[Tensor, "*B H W C"]:
    """Weigh vertex attributes at each pixel; zeros on background. Attributes without a batch serve every item of the batch."""
    *batch, height, width = buffers.face_index.shape
    device = buffers.face_index.device
    shared = attributes.detach().float().expand(*batch, *attributes.shape[-2:])
    values = shared.reshape(-1, *attributes.shape[-2:]).contiguous()
    lanes = row_lanes(device)
    image = torch.zeros((values.shape[0], height, width, values.shape[-1]), device=device)
    launch(
        interpolate, (values.shape[0], height, lanes),
        view(buffers.face_index.reshape(-1, height, width), wp.int32),
        view(buffers.barycentrics.reshape(-1, height, width, 3), wp.vec3),
        view(_triangles(faces, device), wp.vec3i), view(values, wp.float32), lanes, view(image, wp.float32),
        device=device,
    )  # fmt: skip
    return image.reshape(*batch, height, width, -1)


def paint_vertices(
    buffers: RasterBuffers, faces: Int[Tensor, "F 3"], colours: Float[Tensor, "*B V 3"], ground: UInt8[Tensor, "3"]
) -> UInt8[Tensor, "*B H W 3"]:
    """Picture of a mesh with coloured vertices (0 to 255) over a plain ground: `interpolate_attributes`, faster."""
    return _paint(paint, buffers, faces, colours.clamp(0, 255), ground)


def paint_vertex_waves(
    buffers: RasterBuffers,
    faces: Int[Tensor, "F 3"],
    sources: Float[Tensor, "*B V 3"],
    waves: Sequence[tuple[float, float]],
    ground: UInt8[Tensor, "3"],
) -> UInt8[Tensor, "*B H W 3"]:
    """Picture of sin(frequency * source + phase) for red, green and blue: -1 dark, 1 bright, over a plain ground.

    `waves`: (frequency, phase) of each colour; frequency 0 shows the interpolated source itself, cut to [-1, 1].
    """
    turns = [(frequency / tau, phase / tau) for frequency, phase in waves]
    frequencies, phases = zip(*turns, strict=True)
    return _paint(paint_waves, buffers, faces, sources, ground, wp.vec3(*frequencies), wp.vec3(*phases))


def _paint(
    kernel: Any, buffers: RasterBuffers, faces: Tensor, values: Float[Tensor, "*B V 3"], ground: Tensor, *options: Any
) -> UInt8[Tensor, "*B H W 3"]:
    *batch, height, width = buffers.face_index.shape
    device, items = buffers.face_index.device, prod(batch)
    image = ground.to(device).expand(items, height, width, 3).contiguous()
    lanes = row_lanes(device)
    launch(
        kernel, (items, height, lanes),
        view(buffers.face_index.reshape(items, height, width), wp.int32),
        view(buffers.barycentrics.reshape(items, height, width, 3), wp.vec3),
        view(_triangles(faces, device), wp.vec3i),
        view(values.float().reshape(items, -1, 3).contiguous(), wp.vec3), *options, lanes, view(image, wp.uint8),
        device=device,
    )  # fmt: skip
    return image.reshape(*batch, height, width, 3)


def _check(clip: Tensor, faces: Tensor, size: tuple[int, int]) -> None:
    if min(size) < 1:
        raise ValueError(f"expected an image of at least 1 x 1 pixels, got {size[0]} x {size[1]}; give (height, width)")
    if not bool(torch.isfinite(clip).all()):
        raise ValueError("expected finite clip coordinates, got NaN or infinity; check the coefficients that posed the mesh")
    lowest, highest = (int(faces.min()), int(faces.max())) if len(faces) else (0, -1)
    if lowest < 0 or highest >= clip.shape[-2]:
        raise ValueError(f"expected faces to index {clip.shape[-2]} vertices, got {lowest} to {highest}")


def _triangles(faces: Int[Tensor, "F 3"], device: torch.device) -> Int[Tensor, "F 3"]:
    return faces.to(device=device, dtype=torch.int32).contiguous()


def _on_screen(clip: Float[Tensor, "B V 4"], size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Snapped pixel positions (B,V,2), z/w, 1/w, and which vertices may be drawn."""
    height, width = size
    in_front = clip[..., 3] > 0
    per_w = torch.where(in_front, clip[..., 3], 1.0).reciprocal()
    x, y, z = (clip[..., :3] * per_w[..., None]).unbind(-1)
    pixels = torch.stack([(x + 1) * (width / 2), (1 - y) * (height / 2)], dim=-1)
    near_enough = (pixels.abs() < _FARTHEST).all(-1)
    snapped = (pixels.clamp(-_FARTHEST, _FARTHEST) * (1 << SUBPIXEL_BITS)).round().int()
    return snapped, z.contiguous(), per_w, in_front & near_enough
