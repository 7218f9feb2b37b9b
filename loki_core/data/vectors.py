"""A pose as plain numbers: what a network without driver maps is told (Loki's ablation with a vector of coefficients)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.head.params import FlameParams, pack_pose
from loki_core.raster.camera import Camera, CropBox, project

__all__ = ["motion_vectors", "vector_length"]

_REACH = 0.1
"""Metres whose size in the crop is told."""


def vector_length(expressions: int) -> int:
    """Numbers that describe a pose of a head with so many expression axes."""
    return expressions + 18


def motion_vectors(params: FlameParams, camera: Camera, crop: CropBox) -> Float[Tensor, "T K"]:
    """Expression, the five joints in radians, and where in the crop the head is: nothing of its shape.

    The last three: the head's origin in half sides from the crop's middle, x right and y down, and the half sides that 10 cm
    take at its distance.
    """
    pixels = project(camera, params.translation)
    middle = pixels.new_tensor([crop.cx, crop.cy])
    reach = float(camera.focal) * _REACH / -params.translation[:, 2:]
    return torch.cat(
        [params.expression, pack_pose(params).flatten(1), (pixels - middle) / float(crop.half), reach / float(crop.half)], dim=1
    )
