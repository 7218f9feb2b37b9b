"""All that a frame depends on, as one hashable value, and the edits that make a new one of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from loki_core.errors import InputError
from loki_core.head.controls import check_controls, control, mirror_controls
from loki_core.motion.retarget import RetargetSettings
from loki_core.raster.preview import PREVIEW_MODES, PreviewMode

__all__ = [
    "Look", "StudioState", "Tool", "View", "control_value", "played_range", "with_control", "with_controls", "with_frame",
    "with_look", "with_motion", "with_portrait", "with_retarget", "with_trim", "without_controls", "work_hash",
]  # fmt: skip

View = Literal["side", "wipe", "map", "warp", "portrait"]
"""side: driver map beside warp; wipe: portrait and warp on either side of a line; the rest: one picture alone."""

Tool = Literal["look", "grab", "head", "neck", "jaw", "gaze"]
"""What the hand does on the pictures: nothing, drag points of the face, turn a joint by rings, aim the eyes."""


_LOOKS: Mapping[str, tuple[object, ...]] = MappingProxyType(
    {"view": get_args(View), "map": PREVIEW_MODES, "tool": get_args(Tool), "loop": (False, True), "linked": (False, True)}
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
    """Added on top of the motion, by name and in the control's unit; those at rest are left out."""
    trim: tuple[int, int] | None = None
    """First frame and the one past the last that are played and rendered; None = the whole motion."""
    look: Look = field(default_factory=Look)


def control_value(state: StudioState, name: str) -> float:
    """What a control is set to. Raises `InputError` on an unknown name."""
    return dict(state.controls).get(name, control(name).default)


def with_controls(state: StudioState, values: Mapping[str, float]) -> StudioState:
    """Set several controls. Raises `InputError` at an unknown name or a value out of range."""
    check_controls(values)
    merged = {**dict(state.controls), **{name: float(value) for name, value in values.items()}}
    return replace(state, controls=tuple(sorted((n, v) for n, v in merged.items() if v != control(n).default)))


def with_control(state: StudioState, name: str, value: float) -> StudioState:
    """Set one control, and its partner on the other side when left and right are linked."""
    partner = mirror_controls({name: value}) if state.look.linked and control(name).side else {}
    return with_controls(state, {**partner, name: value})


def without_controls(state: StudioState, names: Iterable[str]) -> StudioState:
    """Put controls back to rest."""
    return with_controls(state, {name: control(name).default for name in names})


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
    work = {key: value for key, value in asdict(state).items() if key != "look"}
    return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()[:16]
