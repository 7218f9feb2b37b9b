"""Pictures of a posed head that are drawn while a slider moves. None of them computes the 45 channels."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, clip_from_camera
from loki_core.raster.driver_map import CHANNEL_NAMES, canonical_coordinates, pose_and_deform
from loki_core.raster.kernels import OCTAVES
from loki_core.raster.lighting import soft_light, vertex_normals
from loki_core.raster.rasterize import paint_vertex_waves, paint_vertices, rasterize

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
    channels: tuple[int, int, int] = (2, 16, 30),
) -> UInt8[np.ndarray, "H W 3"]:
    """Draw one frame (batch shape ()) over a dark ground; `size` is (height, width).

    `heat`: how far each point has moved. `encoding`: any three of the 45 channels as red, green and blue, -1 dark and 1 bright.
    `normals`: camera-space directions as colours. `parts`: what the mesh is made of. `matte`: white where the head is.
    """
    vertices, moved = pose_and_deform(head, params)
    return draw_preview(head, vertices, moved, camera, crop, mode=mode, size=size, channels=channels)


def draw_preview(
    head: HeadModel,
    vertices: Float[Tensor, "V 3"],
    moved: Float[Tensor, "V 3"],
    camera: Camera,
    crop: CropBox,
    *,
    mode: PreviewMode,
    size: tuple[int, int],
    channels: tuple[int, int, int] = (2, 16, 30),
) -> UInt8[np.ndarray, "H W 3"]:
    """`render_preview` for a head that is posed already: camera-space `vertices` and their `deformation`."""
    buffers = rasterize(clip_from_camera(camera, crop, vertices), head.faces, size=size)
    if mode == "matte":
        return (buffers.mask.to(torch.uint8) * 255)[..., None].expand(-1, -1, 3).cpu().numpy()
    ground = torch.tensor(_GROUND, dtype=torch.uint8)
    if mode == "encoding":
        sources, waves = _waves(head, moved, channels)
        return paint_vertex_waves(buffers, head.faces, sources, waves, ground).cpu().numpy()
    faces = head.faces
    if mode == "parts":
        faces, colours = _part_colours(head, vertices)
    elif mode == "normals":
        colours = (vertex_normals(vertices, faces) + 1) * 127.5
    else:
        colours = heat_colours(head, vertices, moved)
    return paint_vertices(buffers, faces, colours, ground).cpu().numpy()


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


def _waves(
    head: HeadModel, moved: Float[Tensor, "V 3"], channels: tuple[int, int, int]
) -> tuple[Float[Tensor, "V 3"], list[tuple[float, float]]]:
    """What each channel is a wave of, and its (frequency, phase); deformation is no wave, but shown over `_FULL_HEAT`."""
    if not all(0 <= channel < len(CHANNEL_NAMES) for channel in channels):
        raise ValueError(f"expected channels from 0 to {len(CHANNEL_NAMES) - 1}, got {channels}")
    sources = torch.cat([canonical_coordinates(head), moved / _FULL_HEAT], dim=-1)
    columns, waves = [], []
    for axis, index in (divmod(channel, 2 * OCTAVES) for channel in channels):
        columns.append(axis if axis < 3 else 3 + index)
        phase = math.pi / 2 if index >= OCTAVES else 0.0  # a cosine is a sine begun later
        waves.append((2.0 ** (index % OCTAVES), phase) if axis < 3 else (0.0, 0.0))
    return sources[:, columns], waves
