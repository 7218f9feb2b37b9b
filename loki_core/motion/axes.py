"""Which of a head's expression axes are lids, jaw or gaze, and which have a natural range."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.model import HeadModel

__all__ = ["axes_named", "ranged_axes"]


def axes_named(head: HeadModel, prefix: str) -> Bool[Tensor, "E"]:
    """Mark the axes whose names start so: `axes_named(head, "eyeBlink")` are the lids. None on heads of plain components."""
    return torch.tensor([name.startswith(prefix) for name in head.expression_names], dtype=torch.bool)


def ranged_axes(head: HeadModel) -> Bool[Tensor, "E"]:
    """Mark the axes that are ARKit units, which go from 0 to 1. Principal components have no bounds."""
    return torch.tensor([name in ARKIT_UNITS for name in head.expression_names], dtype=torch.bool)
