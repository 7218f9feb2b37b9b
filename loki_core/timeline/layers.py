"""Layers of a timeline: performances placed in time, faded by region, one over the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from loki_core.errors import InputError
from loki_core.motion.retarget import RetargetSettings
from loki_core.timeline.curves import Curve, sample

__all__ = ["REGIONS", "Extend", "Layer", "Mode", "Region", "audible", "source_places", "with_field", "with_region"]

Region = Literal["brows", "eyes", "lids", "cheeks", "nose", "mouth", "jaw", "tongue", "head", "neck"]
"""What can be faded by itself: the groups of the controls."""
REGIONS: tuple[Region, ...] = get_args(Region)
Mode = Literal["override", "additive"]
"""override: takes the place of what lies below; additive: its change from the portrait comes on top."""
Extend = Literal["hold", "loop", "mirror"]
"""Past the end of the source: its last frame, from the start again, or back and forth."""

_MOST_SPEED = 8.0


@dataclass(frozen=True)
class Layer:
    """One performance on the timeline. Names and numbers only: the source is named by a hash of its content."""

    id: str
    name: str
    source: str
    mode: Mode = "override"
    first: int = 0
    """Frame of the timeline at which it begins."""
    stop: int | None = None
    """The one past its last; None: where the source ends, or without end when it loops."""
    offset: int = 0
    """Frame of the source that it begins with."""
    speed: float = 1.0
    """Frames of the source for a frame of the timeline, above 0."""
    extend: Extend = "hold"
    weight: Curve = field(default_factory=Curve)
    """Share over the frames of the timeline; without keys 1."""
    regions: tuple[tuple[Region, float], ...] = ()
    """Share of each region, 0 to 1; those at 1 are left out."""
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    mute: bool = False
    solo: bool = False


def with_region(layer: Layer, region: str, share: float) -> Layer:
    """Fade one region. Raises `InputError` for another name, or a share outside 0 to 1."""
    if region not in REGIONS:
        raise InputError(f"expected one of {', '.join(REGIONS)}, got '{region}'")
    if not 0 <= share <= 1:
        raise InputError(f"expected a share from 0 to 1 for {region}, got {share:g}")
    table: dict[Any, float] = {**dict(layer.regions), region: float(share)}
    return replace(layer, regions=tuple((r, table[r]) for r in REGIONS if table.get(r, 1.0) != 1))


def with_field(layer: Layer, name: str, value: object) -> Layer:
    """Change one plain field. Raises `InputError` for a name that is none, or a value that it cannot have."""
    if name not in _ALLOWED:
        raise InputError(f"expected one of {', '.join(_ALLOWED)}, got '{name}'")
    allowed, words = _ALLOWED[name]
    if not allowed(value):
        raise InputError(f"expected {words} for {name}, got {value!r}")
    changes: dict[str, Any] = {name: float(value) if name == "speed" else value}  # type: ignore[arg-type]
    changed = replace(layer, **changes)
    if changed.stop is not None and changed.stop <= changed.first:
        raise InputError(f"expected a layer of at least one frame, got {changed.first} to {changed.stop}")
    return changed


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**7


_ALLOWED: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        "name": (lambda v: isinstance(v, str) and 0 < len(v.strip()) <= 60, "1 to 60 letters"),
        "mode": (lambda v: v in get_args(Mode), " or ".join(get_args(Mode))),
        "first": (_whole, "a whole frame"),
        "stop": (lambda v: v is None or _whole(v), "a whole frame or nothing"),
        "offset": (lambda v: _whole(v) and v >= 0, "a whole frame from 0"),
        "speed": (
            lambda v: isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) and 0 < v <= _MOST_SPEED,
            f"a number above 0, {_MOST_SPEED:g} at most,",
        ),
        "extend": (lambda v: v in get_args(Extend), " or ".join(get_args(Extend))),
        "mute": (lambda v: isinstance(v, bool), "true or false"),
        "solo": (lambda v: isinstance(v, bool), "true or false"),
    }
)
assert _ALLOWED.keys() <= {f.name for f in fields(Layer)}


def audible(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers that count, lowest first: those that are solo if there are any, else those that are not muted."""
    solo = tuple(layer for layer in layers if layer.solo)
    return solo or tuple(layer for layer in layers if not layer.mute)


def source_places(
    layer: Layer, frames: Float[np.ndarray, "T"], length: int, *, rate: float = 1.0
) -> tuple[Float[np.ndarray, "T"], Float[np.ndarray, "T"]]:
    """Frame of the source (of `length` frames; may lie between two) that each frame of the timeline shows, and its weight.

    `rate`: source frames a second over the timeline's. The weight is 0 before `first` and from `stop` on.
    """
    place = layer.offset + (frames - layer.first) * layer.speed * rate
    last = length - 1
    if layer.extend == "loop":
        shown = np.mod(place, length).clip(0, last)
    elif layer.extend == "mirror" and last > 0:
        shown = last - np.abs(np.mod(place, 2 * last) - last)
    else:
        shown = place.clip(0, last)
    ends = place > last if layer.extend == "hold" and layer.stop is None else np.zeros(len(frames), dtype=bool)
    inside = (frames >= layer.first) & (True if layer.stop is None else frames < layer.stop) & ~ends
    weight = sample(layer.weight, frames).clip(0, 1) if layer.weight.keys else np.ones(len(frames))
    return shown, np.where(inside, weight, 0.0)
