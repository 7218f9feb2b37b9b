"""Pictures of a posed head that are drawn while a slider moves. None of them computes the 45 channels."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, clip_from_camera
from loki_core.raster.driver_map import CHANNEL_NAMES, canonical_coordinates, deformation
from loki_core.raster.kernels import OCTAVES
from loki_core.raster.lighting import soft_light, vertex_normals
from loki_core.raster.rasterize import RasterBuffers, interpolate_attributes, paint_vertices, rasterize

__all__ = ["PREVIEW_MODES", "PreviewMode", "draw_preview", "heat_colours", "render_preview"]

PreviewMode = Literal["heat", "encoding", "normals", "parts", "matte"]
PREVIEW_MODES: tuple[PreviewMode, ...] = ("heat", "encoding", "normals", "parts", "matte")

_GROUND = (22, 23, 25)
_PARTS = (
    (214.0, 178.0, 156.0), (205.0, 92.0, 96.0), (112.0, 196.0, 214.0), (132.0, 160.0, 232.0),
    (122.0, 44.0, 60.0), (224.0, 118.0, 138.0), (240.0, 226.0, 178.0), (196.0, 214.0, 150.0),
)  # fmt: skip
"""One colour for each of `PART_NAMES`; the eyes differ so that left and right can be told."""
_HEAT = (
    (150.0, 154.0, 163.0),
    (92.0, 78.0, 160.0),
    (186.0, 52.0, 128.0),
    (244.0, 118.0, 54.0),
    (255.0, 214.0, 92.0),
    (255.0, 250.0, 214.0),
)
"""From clay over violet and orange to white, evenly spaced."""
_FULL_HEAT = 2.0
"""Units of the head's deformation scale (about 2 cm) that are drawn white."""


def render_preview(
    head: HeadModel,
    params: FlameParams,
    camera: Camera,
    crop: CropBox,
    *,
    mode: PreviewMode,
    size: tuple[int, int],
    channels: tuple[int, int, int] = (0, 14, 28),
) -> UInt8[np.ndarray, "H W 3"]:
    """Draw one frame (batch shape ()) over a dark ground; `size` is (height, width).

    `heat`: how far each point has moved. `encoding`: any three of the 45 channels as red, green and blue, -1 dark and 1 bright.
    `normals`: camera-space directions as colours. `parts`: what the mesh is made of. `matte`: white where the head is.
    """
    moved = deformation(head, params) if mode in ("heat", "encoding") else torch.zeros_like(head.template)
    return draw_preview(head, pose_vertices(head, params), moved, camera, crop, mode=mode, size=size, channels=channels)


def draw_preview(
    head: HeadModel,
    vertices: Float[Tensor, "V 3"],
    moved: Float[Tensor, "V 3"],
    camera: Camera,
    crop: CropBox,
    *,
    mode: PreviewMode,
    size: tuple[int, int],
    channels: tuple[int, int, int] = (0, 14, 28),
) -> UInt8[np.ndarray, "H W 3"]:
    """`render_preview` for a head that is posed already: camera-space `vertices` and their `deformation`."""
    buffers = rasterize(clip_from_camera(camera, crop, vertices), head.faces, size=size)
    if mode == "matte":
        return (buffers.mask.to(torch.uint8) * 255)[..., None].expand(-1, -1, 3).cpu().numpy()
    if mode == "encoding":
        return _encoding(head, buffers, moved, channels)
    faces = head.faces
    if mode == "parts":
        faces, colours = _part_colours(head, vertices)
    elif mode == "normals":
        colours = (vertex_normals(vertices, faces) + 1) * 127.5
    else:
        colours = heat_colours(head, vertices, moved)
    return paint_vertices(buffers, faces, colours, torch.tensor(_GROUND, dtype=torch.uint8)).cpu().numpy()


def heat_colours(head: HeadModel, vertices: Float[Tensor, "V 3"], moved: Float[Tensor, "V 3"]) -> Float[Tensor, "V 3"]:
    """sRGB, 0 to 255: clay where nothing moved, then violet, orange, white; lit, but less so where it glows."""
    heat = (moved.norm(dim=-1, keepdim=True) / _FULL_HEAT).clamp(0, 1).pow(0.65)
    light = soft_light(vertex_normals(vertices, head.faces))
    return _ramp(heat, torch.tensor(_HEAT, device=moved.device)) * torch.lerp(light, torch.ones_like(light), 0.6 * heat)


def _ramp(share: Float[Tensor, "V 1"], stops: Float[Tensor, "K 3"]) -> Float[Tensor, "V 3"]:
    """The colour at `share`, 0 to 1, along evenly spaced stops."""
    place = share[..., 0] * (len(stops) - 1)
    below = place.long().clamp_max(len(stops) - 2)
    return torch.lerp(stops[below], stops[below + 1], (place - below)[..., None])


def _part_colours(head: HeadModel, vertices: Float[Tensor, "V 3"]) -> tuple[Int[Tensor, "F 3"], Float[Tensor, "F*3 3"]]:
    """Faces that share no vertices, so that parts meet sharply, and the colours of their corners."""
    light = soft_light(vertex_normals(vertices, head.faces))[head.faces]
    albedo = torch.tensor(_PARTS, device=light.device)[head.face_part]
    corners = torch.arange(head.faces.numel(), device=light.device).reshape(-1, 3)
    return corners, (albedo[:, None] * light).reshape(-1, 3)


def _encoding(
    head: HeadModel, buffers: RasterBuffers, moved: Float[Tensor, "V 3"], channels: tuple[int, int, int]
) -> UInt8[np.ndarray, "H W 3"]:
    if not all(0 <= channel < len(CHANNEL_NAMES) for channel in channels):
        raise ValueError(f"expected channels from 0 to {len(CHANNEL_NAMES) - 1}, got {channels}")
    columns = [_column(channel) for channel in channels]
    attributes = torch.cat([canonical_coordinates(head), moved / _FULL_HEAT], dim=-1)[:, columns]
    seen = interpolate_attributes(buffers, head.faces, attributes).unbind(-1)
    planes = [_channel(plane, channel) for plane, channel in zip(seen, channels, strict=True)]
    grounded = [
        torch.where(buffers.mask, plane * 127.5 + 127.5, ground).to(torch.uint8)
        for plane, ground in zip(planes, _GROUND, strict=True)
    ]
    return torch.stack(grounded, dim=-1).cpu().numpy()


def _column(channel: int) -> int:
    """Where a channel's source is among template x, y, z and deformation x, y, z."""
    axis, index = divmod(channel, 2 * OCTAVES)
    return axis if axis < 3 else 3 + index


def _channel(source: Float[Tensor, "H W"], channel: int) -> Float[Tensor, "H W"]:
    """One channel of the driver map, in [-1, 1]; deformation over `_FULL_HEAT`."""
    axis, index = divmod(channel, 2 * OCTAVES)
    if axis == 3:
        return source.clamp(-1, 1)
    wave = torch.sin if index < OCTAVES else torch.cos
    return wave(source * 2 ** (index % OCTAVES))
