"""The motion directions that people have named (labels and ranges of the released app)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DIRECTIONS", "NamedDirection"]


@dataclass(frozen=True)
class NamedDirection:
    """One column of the dictionary; values are added to the portrait's own coefficient."""

    index: int
    label: str
    group: Literal["head", "mouth", "eyes"]
    minimum: float
    maximum: float


DIRECTIONS: tuple[NamedDirection, ...] = (
    NamedDirection(37, "Yaw, head only", "head", -1.0, 0.5),
    NamedDirection(39, "Yaw, head and shoulders", "head", -1.0, 0.5),
    NamedDirection(28, "Pitch", "head", -1.0, 0.5),
    NamedDirection(15, "Roll 1", "head", -0.5, 0.5),
    NamedDirection(33, "Roll 2", "head", -0.5, 0.5),
    NamedDirection(31, "Neck", "head", -0.5, 0.5),
    NamedDirection(6, "Pout", "mouth", -0.4, 0.4),
    NamedDirection(25, "Mouth open to closed", "mouth", -0.4, 0.4),
    NamedDirection(16, "O mouth", "mouth", -0.4, 0.4),
    NamedDirection(19, "Smile", "mouth", -0.4, 0.4),
    NamedDirection(13, "Eyes closed to open", "eyes", -0.4, 0.4),
    NamedDirection(24, "Eyebrows", "eyes", -0.4, 0.4),
    NamedDirection(17, "Eyeballs 1", "eyes", -0.2, 0.2),
    NamedDirection(26, "Eyeballs 2", "eyes", -0.2, 0.2),
)
"""In the order of the released app. The other 26 columns of the public checkpoint have no names."""
