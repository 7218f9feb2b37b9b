"""Loki's driver map: 45 channels that say which point of the head is seen at each pixel, and how it has moved (Loki's paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import warp as wp
from jaxtyping import Bool, Float
from torch import Tensor

from loki_core.head.model import HeadModel, pose_with_offsets
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, clip_from_camera
from loki_core.raster.device import launch, view
from loki_core.raster.kernels import CHANNELS, OCTAVES, encoder
from loki_core.raster.rasterize import RasterBuffers, rasterize

__all__ = ["CHANNEL_NAMES", "DriverMap", "canonical_coordinates", "deformation", "driver_map", "encode_map", "pose_and_deform"]

CHANNEL_NAMES = (
    *(f"{wave} 2^{octave} {axis}" for axis in "xyz" for wave in ("sin", "cos") for octave in range(OCTAVES)),
    *(f"delta {axis}" for axis in "xyz"),
)
"""What each of the 45 channels holds."""

_CPU_LANES = 32
"""Pixels that one CPU thread encodes side by side."""


@dataclass(frozen=True, eq=False)
class DriverMap:
    """What the model sees of a pose. Row 0 is the top of the image."""

    map: Float[Tensor, "*B 45 H W"]
    """Channels in the order of `CHANNEL_NAMES`: per axis 7 sines, then 7 cosines, then the deformation; 0 off the head."""
    mask: Bool[Tensor, "*B H W"]
    """Where the head is seen."""


def canonical_coordinates(head: HeadModel) -> Float[Tensor, "V 3"]:
    """The template around its mean, divided by its largest coordinate: what the positional encoding encodes."""
    centred = head.template - head.template.mean(0)
    return centred / centred.max()


def deformation(head: HeadModel, params: FlameParams) -> Float[Tensor, "*B V 3"]:
    """`head_offsets` in units of the head's deformation scale; 0 on vertices that belong to the inside of the mouth alone."""
    return pose_and_deform(head, params)[1]


def pose_and_deform(head: HeadModel, params: FlameParams) -> tuple[Float[Tensor, "*B V 3"], Float[Tensor, "*B V 3"]]:
    """Camera-space vertices, metres, and their `deformation`: what one frame of the map is drawn from."""
    vertices, offsets = pose_with_offsets(head, params)
    return vertices, offsets / head.deformation_scale * head.outer_vertices[:, None]


def driver_map(
    head: HeadModel,
    params: FlameParams,
    camera: Camera,
    crop: CropBox,
    *,
    size: tuple[int, int],
    dtype: torch.dtype = torch.float16,
    shown: Bool[Tensor, "F"] | None = None,
) -> DriverMap:
    """Draw the driver map of `crop`, `size` (height, width) pixels large, on the head's device.

    `shown` are the faces that appear; the others still hide what lies behind them. None shows every face: the embedded head ends
    at the neck, so there is nothing to leave out.
    """
    vertices, moved = pose_and_deform(head, params)
    buffers = rasterize(clip_from_camera(camera, crop, vertices), head.faces, size=size)
    return encode_map(head, buffers, moved, dtype=dtype, shown=shown)


def encode_map(
    head: HeadModel,
    buffers: RasterBuffers,
    moved: Float[Tensor, "*B V 3"],
    *,
    dtype: torch.dtype = torch.float16,
    shown: Bool[Tensor, "F"] | None = None,
) -> DriverMap:
    """The 45 channels from a rasterised head and its `deformation`; `dtype` is float16 or float32."""
    *batch, height, width = buffers.face_index.shape
    device, faces = buffers.face_index.device, head.faces.int().contiguous()
    drawn = torch.ones(len(faces), dtype=torch.bool, device=device) if shown is None else shown.to(device)
    lanes = 1 if device.type == "cuda" else _CPU_LANES
    blocks = -(-height * width // lanes)
    items = buffers.face_index.numel() // (height * width)
    stored = _stored(dtype)
    channels = torch.empty((items, CHANNELS, blocks * lanes), dtype=dtype, device=device)
    launch(
        encoder(lanes, stored), (items, blocks),
        view(buffers.face_index.reshape(items, -1), wp.int32),
        view(buffers.barycentrics.reshape(items, -1, 3), wp.vec3),
        view(faces, wp.vec3i), view(drawn, wp.bool),
        view(canonical_coordinates(head).contiguous(), wp.vec3),
        view(moved.float().expand(*batch, -1, 3).reshape(items, -1, 3).contiguous(), wp.vec3),
        view(channels.reshape(items, CHANNELS, blocks, lanes), wp.types.vector(length=lanes, dtype=stored)),
        device=device,
    )  # fmt: skip
    mask = buffers.mask if shown is None else buffers.mask & drawn[buffers.face_index.clamp_min(0)]
    return DriverMap(channels[..., : height * width].reshape(*batch, CHANNELS, height, width), mask)


def _stored(dtype: torch.dtype) -> Any:
    if dtype == torch.float16:
        return wp.float16
    if dtype == torch.float32:
        return wp.float32
    raise ValueError(f"expected a map of float16 or float32, got {dtype}; convert it afterwards")
