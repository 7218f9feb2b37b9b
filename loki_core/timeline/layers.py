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
from loki_core.motion.clean import Cleaning
from loki_core.motion.retarget import RetargetSettings
from loki_core.timeline.curves import Curve, sample
from loki_core.timeline.tracks import Tracks, sample_tracks
from loki_core.timeline.turns import turn_together

__all__ = [
    "REGIONS", "Extend", "Layer", "LayerSound", "Mode", "Region", "audible", "hand_values", "source_places", "weights",
    "with_field", "with_gain", "with_performance", "with_region",
]  # fmt: skip

Region = Literal["brows", "eyes", "lids", "cheeks", "nose", "mouth", "jaw", "tongue", "head", "neck"]
"""What can be faded by itself: the groups of the controls."""
REGIONS: tuple[Region, ...] = get_args(Region)
Mode = Literal["override", "additive"]
"""override: takes the place of what lies below; additive: its change from the portrait comes on top."""
Extend = Literal["hold", "loop", "mirror"]
"""Past the end of the source: its last frame, from the start again, or back and forth."""

_LEAST_SPEED, _MOST_SPEED = 0.05, 8.0


@dataclass(frozen=True)
class LayerSound:
    """A sound that is heard with a layer, as it was recorded."""

    source: str
    """Named by a hash of its content."""
    first: int
    """Frame of the timeline at which it begins."""


@dataclass(frozen=True)
class Layer:
    """One performance on the timeline, or what was set by hand. Names and numbers only: hashable."""

    id: str
    name: str = ""
    source: str = ""
    """The performance, named by a hash of its content. Empty: controls and keys set by hand, on top of what lies below."""
    mode: Mode = "override"
    first: int = 0
    """Frame of the timeline at which it begins."""
    stop: int | None = None
    """The one past its last; None: without end."""
    offset: int = 0
    """Frame of the source that it begins with."""
    speed: float = 1.0
    """Frames of the source for a frame of the timeline, both at their own rates."""
    extend: Extend = "hold"
    weight: Curve = field(default_factory=Curve)
    """Share over the frames of the timeline; without keys 1."""
    regions: tuple[tuple[Region, float], ...] = ()
    """Share of each region, 0 to 1; those at 1 are left out."""
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    cleaning: Cleaning = field(default_factory=Cleaning)
    """What is done to a tracked performance before it moves the face; others are left as they are."""
    controls: tuple[tuple[str, float], ...] = ()
    """Set by hand in every frame, by name and in the control's unit; those at rest are left out."""
    tracks: Tracks = field(default_factory=Tracks)
    """Keys of the controls that change over time; none of them is in `controls`."""
    sound: LayerSound | None = None
    mute: bool = False
    solo: bool = False

    @property
    def by_hand(self) -> bool:
        return not self.source


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


def with_performance(layer: Layer, source: str, name: str) -> Layer:
    """Follow another performance from its beginning at its own speed. Gains, faders and times of the timeline stay."""
    follow = layer.retarget if source == layer.source else replace(layer.retarget, neutral=None)  # it is a frame of the old one
    return replace(layer, source=source, name=name, retarget=follow, offset=0, speed=1.0)


def with_gain(layer: Layer, name: str, value: float) -> Layer:
    """Change how far a driver moves the portrait: `absolute` or a gain of `RetargetSettings`.

    Raises `InputError` on an unknown name, and on gains outside 0 to 2, where faces stop being faces.
    """
    names = [f.name for f in fields(RetargetSettings) if f.name != "neutral"]
    if name not in names:
        raise InputError(f"expected one of {', '.join(names)}, got '{name}'")
    top = 1.0 if name == "absolute" else 2.0
    if not (math.isfinite(value) and 0 <= value <= top):
        raise InputError(f"expected {name} from 0 to {top:g}, got {value:g}")
    changes: dict[str, Any] = {name: float(value)}
    return replace(layer, retarget=replace(layer.retarget, **changes))


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
            lambda v: isinstance(v, int | float) and not isinstance(v, bool) and _LEAST_SPEED <= v <= _MOST_SPEED,
            f"a number from {_LEAST_SPEED:g} to {_MOST_SPEED:g}",
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


def hand_values(layer: Layer, frames: Float[np.ndarray, "T"]) -> dict[str, Float[np.ndarray, "T"]]:
    """What every control that is set or keyed in the layer is in some frames, at full weight."""
    still = {name: np.full(len(frames), value) for name, value in layer.controls}
    return turn_together(layer.tracks.table(), {**still, **sample_tracks(layer.tracks, frames)}, frames)


def weights(layer: Layer, frames: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    """Share of the layer in each frame of the timeline: 0 before `first` and from `stop` on."""
    inside = (frames >= layer.first) & (frames < (math.inf if layer.stop is None else layer.stop))
    share = sample(layer.weight, frames).clip(0, 1) if layer.weight.keys else np.ones(len(frames))
    return np.where(inside, share, 0.0)


def source_places(layer: Layer, frames: Float[np.ndarray, "T"], length: int, *, rate: float = 1.0) -> Float[np.ndarray, "T"]:
    """Frame of the source (of `length` frames; may lie between two) that each frame of the timeline shows.

    `rate`: source frames a second over the timeline's.
    """
    place = layer.offset + (frames - layer.first) * layer.speed * rate
    last = length - 1
    if layer.extend == "loop":
        return np.mod(place, length).clip(0, last)
    if layer.extend == "mirror" and last > 0:
        return last - np.abs(np.mod(place, 2 * last) - last)
    return place.clip(0, last)
