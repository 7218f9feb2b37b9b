"""The driver map and its previews, on the embedded head with an expression, 512 x 512, one frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from benchmarks.measure import Measurement, median_ms
from loki_core.head.embedded import embedded_head
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, clip_from_camera, head_crop, project
from loki_core.raster.driver_map import deformation, driver_map, encode_map
from loki_core.raster.kernels import CHANNELS
from loki_core.raster.preview import PREVIEW_MODES, PreviewMode, draw_preview
from loki_core.raster.rasterize import rasterize

__all__ = ["run"]

_SIDE = 512
_CAMERA = Camera(focal=1200, cx=_SIDE / 2, cy=_SIDE / 2, width=_SIDE, height=_SIDE)
_PREVIEW_BUDGET, _MAP_BUDGET = "<= 6", "<= 25"
"""Milliseconds."""


def run() -> list[Measurement]:
    """Measure the parts, then the whole; the map's ratio is to writing as many bytes and nothing else."""
    head = embedded_head()
    params, size = _performance(head), (_SIDE, _SIDE)
    vertices, moved = pose_vertices(head, params), deformation(head, params)
    crop = head_crop(project(_CAMERA, vertices))
    clip = clip_from_camera(_CAMERA, crop, vertices)
    buffers = rasterize(clip, head.faces, size=size)

    def preview(mode: PreviewMode) -> Measurement:
        work = partial(draw_preview, head, vertices, moved, _CAMERA, crop, mode=mode, size=size)
        return _timed(f"preview of a posed head, {mode}", work, _PREVIEW_BUDGET)

    write = median_ms(lambda: torch.empty(CHANNELS, *size, dtype=torch.float16).fill_(1))
    whole = median_ms(lambda: driver_map(head, params, _CAMERA, crop, size=size))
    return [
        _timed("vertices (LBS)", lambda: pose_vertices(head, params)),
        _timed("deformation (LBS)", lambda: deformation(head, params)),
        _timed("z-buffer", lambda: rasterize(clip, head.faces, size=size)),
        _timed("45 channels of a z-buffer", lambda: encode_map(head, buffers, moved)),
        *map(preview, PREVIEW_MODES),
        Measurement("full map, 45 channels, from coefficients", whole, "ms", _MAP_BUDGET, whole / write, "writing the buffer"),
    ]


def _timed(name: str, work: Callable[[], object], budget: str | None = None) -> Measurement:
    return Measurement(name, median_ms(work), "ms", budget)


def _performance(head: HeadModel) -> FlameParams:
    """A face that smiles with an open mouth, turned by 20 degrees, as large as a portrait's."""
    expression = head.neutral().expression.clone()
    jaw = torch.zeros(3)
    for name, strength in (("jawOpen", 0.5), ("mouthSmileLeft", 0.8), ("mouthSmileRight", 0.8), ("browInnerUp", 0.6)):
        axis = head.expression_names.index(name)
        expression[axis] = strength
        jaw += strength * head.unit_joints[axis, 0]
    return replace(
        head.neutral(),
        expression=expression,
        jaw_pose=jaw,
        global_orient=torch.tensor([0.0, 0.35, 0.0]),
        translation=torch.tensor([0.0, 0.0, -0.8]),
    )
