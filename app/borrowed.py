"""An expression read off a picture: what a session keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from loki_core.motion.clip import Motion

__all__ = ["BORROWED_REGIONS", "Borrowed"]

BORROWED_REGIONS: tuple[str, ...] = ("brows", "eyes", "lids", "cheeks", "nose", "mouth", "jaw", "head")
"""What a picture shows of a face: the neck cannot be told from the head, nor the place in it from the framing."""


@dataclass(frozen=True, eq=False)
class Borrowed:
    """A face, tracked as one frame."""

    name: str
    motion: Motion
    """Of that frame alone."""
    values: Mapping[str, float]
    """The same as controls within their ranges; those at rest are left out."""
    picture: UInt8[np.ndarray, "S S 3"]
    """The face, small."""
