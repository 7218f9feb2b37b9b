"""All that a frame depends on, as one hashable value, and the edits that make a new one of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from loki_core.errors import InputError
from loki_core.head.controls import check_controls, control, mirror_controls
from loki_core.motion.retarget import RetargetSettings
from loki_core.raster.preview import PREVIEW_MODES, PreviewMode
from loki_core.timeline.tracks import Tracks, drop_tracks, sample_tracks, set_keys
from loki_core.timeline.turns import turn_together

__all__ = [
    "Look", "StudioState", "Tool", "View", "control_values", "played_range", "values_at_playhead", "with_control",
    "with_controls", "with_frame", "with_keys", "with_look", "with_motion", "with_portrait", "with_retarget", "with_tracks",
    "with_trim", "without_controls", "work_hash",
]  # fmt: skip

View = Literal["side", "wipe", "map", "warp", "portrait"]
"""side: driver map beside warp; wipe: portrait and warp on either side of a line; the rest: one picture alone."""

Tool = Literal["look", "grab", "head", "neck", "jaw", "gaze"]
"""What the hand does on the pictures: nothing, drag points of the face, turn a joint by rings, aim the eyes."""


_LOOKS: Mapping[str, tuple[object, ...]] = MappingProxyType(
    {
        "view": get_args(View),
        "map": PREVIEW_MODES,
        "tool": get_args(Tool),
        "loop": (False, True),
        "linked": (False, True),
        "autokey": (False, True),
    }
)


@dataclass(frozen=True)
class Look:
    """How the work is being looked at: kept with it, but no part of it, so undo leaves it alone."""

    frame: int = 0
    """The playhead, in frames of the motion."""
    view: View = "side"
    map: PreviewMode = "heat"
    """How the driver map is shown."""
    tool: Tool = "grab"
    loop: bool = True
    linked: bool = True
    """A control of one side moves its partner too."""
    autokey: bool = False
    """Every change of a control becomes a key at the playhead."""


@dataclass(frozen=True)
class StudioState:
    """All a frame depends on. Names and numbers only: hashable, deep-copyable, saved as JSON.

    Pictures and motions are named, not held: the name is a hash of what they contain.
    """

    portrait: str = ""
    motion: str = ""
    """Empty: the portrait stands still but for the controls."""
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    """How a driver clip moves the portrait."""
    controls: tuple[tuple[str, float], ...] = ()
    """Added on top of the motion in every frame, by name and in the control's unit; those at rest are left out."""
    tracks: Tracks = field(default_factory=Tracks)
    """Keys of the controls that change over time; none of them is in `controls`."""
    trim: tuple[int, int] | None = None
    """First frame and the one past the last that are played and rendered; None = the whole motion."""
    look: Look = field(default_factory=Look)


def control_values(state: StudioState, frames: Float[np.ndarray, "T"]) -> dict[str, Float[np.ndarray, "T"]]:
    """What every control that is set or keyed is in some frames."""
    still = {name: np.full(len(frames), value) for name, value in state.controls}
    return turn_together(state.tracks.table(), {**still, **sample_tracks(state.tracks, frames)}, frames)


def values_at_playhead(state: StudioState) -> dict[str, float]:
    """What the controls are at the playhead; those that are neither set nor keyed are left out."""
    return {name: float(value[0]) for name, value in control_values(state, np.array([float(state.look.frame)])).items()}


def with_controls(state: StudioState, values: Mapping[str, float]) -> StudioState:
    """Set several controls: keyed ones, and all when each change is to be a key, at the playhead, others in every frame.

    Raises `InputError` at an unknown name or a value out of range.
    """
    check_controls(values)
    keyed = {name for name in values if state.look.autokey or name in state.tracks.table()}
    merged = {**dict(state.controls), **{name: float(value) for name, value in values.items()}}
    still = tuple(sorted((n, v) for n, v in merged.items() if v != control(n).default and n not in keyed))
    tracks = set_keys(state.tracks, state.look.frame, {name: values[name] for name in keyed})
    return replace(state, controls=still, tracks=tracks)


def with_keys(state: StudioState, names: Iterable[str]) -> StudioState:
    """Key controls at the playhead as they are there."""
    now = values_at_playhead(state)
    values = {name: now.get(name, control(name).default) for name in names}
    still = tuple((name, value) for name, value in state.controls if name not in values)
    return replace(state, controls=still, tracks=set_keys(state.tracks, state.look.frame, values))


def with_tracks(state: StudioState, tracks: Tracks) -> StudioState:
    """Other keys; a control that has some is no longer set in every frame."""
    keyed = tracks.table()
    return replace(state, tracks=tracks, controls=tuple(item for item in state.controls if item[0] not in keyed))


def with_control(state: StudioState, name: str, value: float) -> StudioState:
    """Set one control, and its partner on the other side when left and right are linked."""
    partner = mirror_controls({name: value}) if state.look.linked and control(name).side else {}
    return with_controls(state, {**partner, name: value})


def without_controls(state: StudioState, names: Iterable[str]) -> StudioState:
    """Put controls back to rest in every frame, without keys."""
    gone = {control(name).name for name in names}
    still = tuple(item for item in state.controls if item[0] not in gone)
    return replace(state, controls=still, tracks=drop_tracks(state.tracks, gone))


def with_portrait(state: StudioState, portrait: str) -> StudioState:
    """Change the face; motion and controls stay and move it."""
    return replace(state, portrait=portrait)


def with_motion(state: StudioState, motion: str) -> StudioState:
    """Change the motion: its range is the whole of it, and it starts at its beginning. Controls stay on top."""
    return replace(state, motion=motion, trim=None, look=replace(state.look, frame=0))


def with_retarget(state: StudioState, name: str, value: float) -> StudioState:
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
    return replace(state, retarget=replace(state.retarget, **changes))


def with_trim(state: StudioState, first: int, stop: int, *, frame_count: int) -> StudioState:
    """Play and render frames `first` to `stop`, not including `stop`."""
    if not 0 <= first < stop <= frame_count:
        raise InputError(f"expected a range of at least one frame within 0 to {frame_count}, got {first} to {stop}")
    return replace(state, trim=None if (first, stop) == (0, frame_count) else (first, stop))


def played_range(state: StudioState, frame_count: int) -> tuple[int, int]:
    """First frame and the one past the last that are played and rendered."""
    return state.trim or (0, frame_count)


def with_frame(state: StudioState, frame: int, *, frame_count: int) -> StudioState:
    """Move the playhead; beyond the ends it stays at them."""
    return replace(state, look=replace(state.look, frame=max(0, min(frame, frame_count - 1))))


def with_look(state: StudioState, name: str, value: object) -> StudioState:
    """Change how the work is looked at: `view`, `map`, `loop` or `linked`. Raises `InputError` for what is none of its values."""
    if name not in _LOOKS or value not in _LOOKS[name]:
        choices = _LOOKS.get(name, tuple(_LOOKS))
        raise InputError(f"expected one of {', '.join(map(str, choices))} for '{name}', got {value!r}")
    changes: dict[str, Any] = {name: value}
    return replace(state, look=replace(state.look, **changes))


def work_hash(state: StudioState) -> str:
    """16 hex digits that name the work: equal for equal work, however it is looked at."""
    return _hash(replace(state, look=Look()))


@lru_cache(maxsize=64)
def _hash(state: StudioState) -> str:
    """Asked for several times between two edits."""
    return hashlib.sha256(json.dumps(asdict(state), sort_keys=True).encode()).hexdigest()[:16]
