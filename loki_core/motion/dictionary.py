"""Motion directions: what units of a face tend to move together. Learned once (`dictionary_learning`) and kept as data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from loki_core.errors import InputError
from loki_core.head.controls import control

__all__ = ["DICTIONARY", "MotionDirection", "load_dictionary", "motion_directions", "push"]

DICTIONARY = Path(__file__).resolve().parents[2] / "presets" / "dictionary" / "directions.json"
_MOST = 64
_MAX_BYTES = 1 << 18


@dataclass(frozen=True)
class MotionDirection:
    """One movement that faces make."""

    name: str
    """In camel case, after the units that it moves most."""
    label: str
    units: tuple[tuple[str, float], ...]
    """ARKit's units that it moves and their shares: the largest is 1 and the first."""

    def __post_init__(self) -> None:
        shares = [share for _, share in self.units]
        if not shares or shares[0] != 1 or any(not 0 < share <= 1 for share in shares):
            raise InputError(f"expected shares from 1 down to above 0 in the direction '{self.name:.40}', got {shares}")
        if wrong := [name for name, _ in self.units if control(name).unit != "share"]:
            raise InputError(f"expected units of ARKit in the direction '{self.name:.40}', got {wrong[0]}")


def push(values: Mapping[str, float], direction: MotionDirection, amount: float) -> dict[str, float]:
    """What the units of a direction become when a face with these `values` goes `amount` along it: each stays from 0 to 1."""
    return {name: min(1.0, max(0.0, values.get(name, 0.0) + amount * share)) for name, share in direction.units}


def load_dictionary(path: Path) -> tuple[MotionDirection, ...]:
    """Read a dictionary. Raises `InputError` for what is none."""
    try:
        with path.open("rb") as file:
            rows = json.loads(file.read(_MAX_BYTES))["directions"]
        made = tuple(
            MotionDirection(str(row["name"]), str(row["label"]), tuple((str(n), float(v)) for n, v in row["units"]))
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"expected a dictionary of motion in '{path.name}', got what cannot be read as one ({error})") from error
    if len(made) > _MOST or len({direction.name for direction in made}) < len(made):
        raise InputError(f"expected up to {_MOST} directions in '{path.name}', each of another name")
    return made


@cache
def motion_directions() -> tuple[MotionDirection, ...]:
    """Those that come with the studio."""
    return load_dictionary(DICTIONARY)
