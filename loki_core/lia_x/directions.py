"""The motion directions and the names that people have given to some (labels and ranges of the released app)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DIRECTIONS", "DIRECTION_COUNT", "NamedDirection", "direction_name"]

DIRECTION_COUNT = 40
"""Of the public checkpoint."""


@dataclass(frozen=True)
class NamedDirection:
    """One column of the dictionary; values are added to the portrait's own coefficient."""

    index: int
    name: str
    """Short, in camel case."""
    label: str
    group: Literal["head", "mouth", "eyes"]
    minimum: float
    maximum: float


DIRECTIONS: tuple[NamedDirection, ...] = (
    NamedDirection(37, "yaw", "Yaw, head only", "head", -1.0, 0.5),
    NamedDirection(39, "yawShoulders", "Yaw, head and shoulders", "head", -1.0, 0.5),
    NamedDirection(28, "pitch", "Pitch", "head", -1.0, 0.5),
    NamedDirection(15, "roll1", "Roll 1", "head", -0.5, 0.5),
    NamedDirection(33, "roll2", "Roll 2", "head", -0.5, 0.5),
    NamedDirection(31, "neck", "Neck", "head", -0.5, 0.5),
    NamedDirection(6, "pout", "Pout", "mouth", -0.4, 0.4),
    NamedDirection(25, "mouth", "Mouth open to closed", "mouth", -0.4, 0.4),
    NamedDirection(16, "mouthO", "O mouth", "mouth", -0.4, 0.4),
    NamedDirection(19, "smile", "Smile", "mouth", -0.4, 0.4),
    NamedDirection(13, "eyes", "Eyes closed to open", "eyes", -0.4, 0.4),
    NamedDirection(24, "brows", "Eyebrows", "eyes", -0.4, 0.4),
    NamedDirection(17, "eyeballs1", "Eyeballs 1", "eyes", -0.2, 0.2),
    NamedDirection(26, "eyeballs2", "Eyeballs 2", "eyes", -0.2, 0.2),
)
"""In the order of the released app. The other 26 columns of the public checkpoint have no names."""

_NAMES = {direction.index: direction.name for direction in DIRECTIONS}


def direction_name(index: int) -> str:
    """What the column is called: a name that people gave it, else d and its number."""
    return _NAMES.get(index, f"d{index:02}")
