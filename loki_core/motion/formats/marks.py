"""The arrays by which this project's npz files say their rate, their head and how well each frame was seen."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np

from loki_core.errors import InputError
from loki_core.head.model import HeadId, HeadModel
from loki_core.motion.clip import Motion

__all__ = ["MARKS", "check_head", "mark", "read_confidence", "read_fps", "read_head"]

MARKS: Mapping[str, tuple[str, tuple[int | str, ...]]] = MappingProxyType(
    {"fps": ("iu", (2,)), "head": ("U", (2,)), "confidence": ("f", ("T",))}
)
"""Members for a `NpzLayout`."""


def mark(motion: Motion) -> dict[str, np.ndarray]:
    """`fps` as numerator and denominator, `head` as name and hash, `confidence` as float32."""
    return {
        "fps": np.array(motion.fps.as_integer_ratio(), np.int64),
        "head": np.array([motion.head.name, motion.head.hash]),
        "confidence": motion.confidence.detach().cpu().numpy().astype(np.float32),
    }


def read_fps(path: Path, arrays: Mapping[str, np.ndarray]) -> Fraction:
    if arrays["fps"].min() < 1:
        raise InputError(f"{path.name}: expected a positive frame rate, got {arrays['fps'].tolist()}; save the motion again")
    return Fraction(int(arrays["fps"][0]), int(arrays["fps"][1]))


def read_head(arrays: Mapping[str, np.ndarray]) -> HeadId:
    name, digest = (str(text) for text in arrays["head"])
    return HeadId(name, digest)


def check_head(path: Path, found: HeadId, head: HeadModel) -> None:
    """Raise `InputError` where the file's coefficients belong to another head."""
    if found != head.id:
        raise InputError(
            f"{path.name}: expected a motion for the head '{head.name}' ({head.hash}), got one for '{found.name}' "
            f"({found.hash}); open it with its own head and convert it through the named controls"
        )


def read_confidence(path: Path, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(T,) float32."""
    confidence = arrays["confidence"].astype(np.float32)
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise InputError(f"{path.name}: expected confidence from 0 to 1; save the motion again")
    return confidence
