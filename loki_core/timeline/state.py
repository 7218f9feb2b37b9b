"""All that a frame depends on, as one hashable value, and the edits that make a new one of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from loki_core.errors import InputError
from loki_core.head.controls import check_controls, control, mirror_controls
from loki_core.motion.presets import ExpressionPreset
from loki_core.raster.preview import PREVIEW_MODES, PreviewMode
from loki_core.render.kinds import DEFAULT_RENDERER, renderer_kind
from loki_core.render.settings import SettingValue, stored
from loki_core.timeline.layers import Layer, hand_values, with_performance
from loki_core.timeline.tracks import Tracks, drop_tracks, set_keys

__all__ = [
    "Look", "RenderChoice", "StudioState", "Tool", "View", "add_layer", "change_layer", "copy_layer", "drop_layer",
    "hand_layer", "lift_layer", "motion_layer", "played_range", "selected_layer", "values_at_playhead", "with_control",
    "with_controls", "with_frame", "with_keys", "with_look", "with_motion", "with_portrait", "with_render_setting",
    "with_renderer", "with_selected", "with_tracks", "with_trim", "without_controls", "work_hash",
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
    """The playhead."""
    view: View = "side"
    map: PreviewMode = "heat"
    """How the driver map is shown."""
    tool: Tool = "grab"
    loop: bool = True
    linked: bool = True
    """A control of one side moves its partner too."""
    autokey: bool = False
    """Every change of a control becomes a key at the playhead."""
    layer: str = ""
    """The layer that was chosen last; it may be gone."""


@dataclass(frozen=True)
class RenderChoice:
    """What draws the frames of a render."""

    renderer: str = DEFAULT_RENDERER
    settings: tuple[tuple[str, SettingValue], ...] = ()
    """In order of name; those at their default are left out."""


@dataclass(frozen=True)
class StudioState:
    """All a frame depends on. Names and numbers only: hashable, deep-copyable, saved as JSON.

    Pictures and motions are named, not held: the name is a hash of what they contain.
    """

    portrait: str = ""
    fps: tuple[int, int] = (30, 1)
    """Frames a second of the timeline, as a fraction."""
    layers: tuple[Layer, ...] = ()
    """Lowest first. Without any the portrait stands still."""
    trim: tuple[int, int] | None = None
    """First frame and the one past the last that are played and rendered; None = all."""
    render: RenderChoice = field(default_factory=RenderChoice)
    expressions: tuple[ExpressionPreset, ...] = ()
    """The user's own, which travel with the work; newest first."""
    look: Look = field(default_factory=Look)


_BY_HAND = Layer("hand")
"""What edits go to while there is no layer for them: kept with the work once something is set in it."""


def selected_layer(state: StudioState) -> Layer:
    """The layer that was chosen last; while it is gone, the one that edits go to."""
    return next((layer for layer in state.layers if layer.id == state.look.layer), None) or hand_layer(state)


def hand_layer(state: StudioState) -> Layer:
    """The layer that edits go to: the chosen one where it is set by hand, else the highest of those."""
    by_hand = [layer for layer in state.layers if layer.by_hand]
    chosen = [layer for layer in by_hand if layer.id == state.look.layer]
    return (chosen or by_hand or [_BY_HAND])[-1]


def motion_layer(state: StudioState) -> Layer | None:
    """The lowest performance, which gives the timeline its rate; None for a still face."""
    return next((layer for layer in state.layers if not layer.by_hand), None)


def change_layer(state: StudioState, name: str, change: Callable[[Layer], Layer]) -> StudioState:
    """Put `change` of a layer in its place. Raises `InputError` for one that is gone."""
    if name == _BY_HAND.id and all(layer.id != name for layer in state.layers):
        changed = change(_BY_HAND)
        return state if changed == _BY_HAND else replace(state, layers=(*state.layers, changed))
    _place(state, name)
    layers = tuple(change(layer) if layer.id == name else layer for layer in state.layers)
    return replace(state, layers=tuple(layer for layer in layers if layer != _BY_HAND))


def add_layer(state: StudioState, layer: Layer) -> StudioState:
    """Put a layer on top, a performance on top of the others, so that edits stay on it; under a name of its own. Choose it."""
    taken = {_BY_HAND.id, *(other.id for other in state.layers)}
    name = next(f"{number}" for number in range(1, len(taken) + 2) if f"{number}" not in taken)
    performances = [place for place, other in enumerate(state.layers) if not other.by_hand]
    place = len(state.layers) if layer.by_hand else max(performances, default=-1) + 1
    return with_selected(replace(state, layers=(*state.layers[:place], replace(layer, id=name), *state.layers[place:])), name)


def copy_layer(state: StudioState, name: str) -> StudioState:
    """A second layer like it, but silent: its sound is heard once. See `add_layer` for where."""
    return add_layer(state, replace(state.layers[_place(state, name)], solo=False, sound=None))


def drop_layer(state: StudioState, name: str) -> StudioState:
    """Without a layer."""
    place = _place(state, name)
    return replace(state, layers=(*state.layers[:place], *state.layers[place + 1 :]))


def lift_layer(state: StudioState, name: str, by: int) -> StudioState:
    """Move a layer up over as many others as `by` says, or down; it stops at the ends."""
    place = _place(state, name)
    others = [layer for layer in state.layers if layer.id != name]
    others.insert(max(0, min(place + by, len(others))), state.layers[place])
    return replace(state, layers=tuple(others))


def with_selected(state: StudioState, name: str) -> StudioState:
    """Choose a layer."""
    return replace(state, look=replace(state.look, layer=name))


def _place(state: StudioState, name: str) -> int:
    for place, layer in enumerate(state.layers):
        if layer.id == name:
            return place
    raise InputError(f"expected a layer of this timeline, got '{name}'; it may have been deleted")


def values_at_playhead(state: StudioState) -> dict[str, float]:
    """What the controls of the layer that edits go to are at the playhead; those neither set nor keyed are left out."""
    return {name: float(value[0]) for name, value in hand_values(hand_layer(state), np.array([float(state.look.frame)])).items()}


def with_controls(state: StudioState, values: Mapping[str, float]) -> StudioState:
    """Set several controls: keyed ones, and all when each change is to be a key, at the playhead, others in every frame.

    Raises `InputError` at an unknown name or a value out of range.
    """
    check_controls(values)

    def change(layer: Layer) -> Layer:
        keyed = {name for name in values if state.look.autokey or name in layer.tracks.table()}
        merged = {**dict(layer.controls), **{name: float(value) for name, value in values.items()}}
        still = tuple(sorted((n, v) for n, v in merged.items() if v != control(n).default and n not in keyed))
        tracks = set_keys(layer.tracks, state.look.frame, {name: values[name] for name in keyed})
        return replace(layer, controls=still, tracks=tracks)

    return change_layer(state, hand_layer(state).id, change)


def with_keys(state: StudioState, names: Iterable[str]) -> StudioState:
    """Key controls at the playhead as they are there."""
    now = values_at_playhead(state)
    values = {name: now.get(name, control(name).default) for name in names}
    tracks = set_keys(hand_layer(state).tracks, state.look.frame, values)
    return with_tracks(state, tracks)


def with_tracks(state: StudioState, tracks: Tracks) -> StudioState:
    """Other keys in the layer that edits go to; a control that has some is no longer set in every frame."""
    keyed = tracks.table()

    def change(layer: Layer) -> Layer:
        return replace(layer, tracks=tracks, controls=tuple(item for item in layer.controls if item[0] not in keyed))

    return change_layer(state, hand_layer(state).id, change)


def with_control(state: StudioState, name: str, value: float) -> StudioState:
    """Set one control, and its partner on the other side when left and right are linked."""
    partner = mirror_controls({name: value}) if state.look.linked and control(name).side else {}
    return with_controls(state, {**partner, name: value})


def without_controls(state: StudioState, names: Iterable[str]) -> StudioState:
    """Put controls back to rest in every frame, without keys."""
    gone = {control(name).name for name in names}

    def change(layer: Layer) -> Layer:
        still = tuple(item for item in layer.controls if item[0] not in gone)
        return replace(layer, controls=still, tracks=drop_tracks(layer.tracks, gone))

    return change_layer(state, hand_layer(state).id, change)


def with_portrait(state: StudioState, portrait: str) -> StudioState:
    """Change the face; what moves it stays."""
    return replace(state, portrait=portrait)


def with_motion(state: StudioState, motion: str, name: str = "", fps: Fraction = Fraction(30)) -> StudioState:
    """Change the lowest performance, and with it the rate of the timeline; empty: none. Its gains and faders stay.

    The range is the whole of it, and the playhead goes to its beginning.
    """
    state = replace(state, trim=None, look=replace(state.look, frame=0))
    now = motion_layer(state)
    if not motion:
        return state if now is None else drop_layer(state, now.id)
    state = replace(state, fps=fps.as_integer_ratio())
    if now is None:
        return replace(add_layer(state, Layer("", name, motion)), look=state.look)
    return change_layer(state, now.id, lambda layer: replace(with_performance(layer, motion, name), first=0, stop=None))


def with_trim(state: StudioState, first: int, stop: int, *, frame_count: int) -> StudioState:
    """Play and render frames `first` to `stop`, not including `stop`."""
    if not 0 <= first < stop <= frame_count:
        raise InputError(f"expected a range of at least one frame within 0 to {frame_count}, got {first} to {stop}")
    return replace(state, trim=None if (first, stop) == (0, frame_count) else (first, stop))


def played_range(state: StudioState, frame_count: int) -> tuple[int, int]:
    """First frame and the one past the last that are played and rendered."""
    return state.trim or (0, frame_count)


def with_renderer(state: StudioState, key: str) -> StudioState:
    """Render with another renderer, all its settings at their defaults. Raises `InputError` for one that is none."""
    kind = renderer_kind(key)
    return state if kind.key == state.render.renderer else replace(state, render=RenderChoice(kind.key))


def with_render_setting(state: StudioState, name: str, value: object) -> StudioState:
    """Change one setting of the renderer. Raises `InputError` for a name that is none, and for a value that it cannot have."""
    settings = stored(renderer_kind(state.render.renderer).settings, {**dict(state.render.settings), name: value})
    return replace(state, render=replace(state.render, settings=settings))


def with_frame(state: StudioState, frame: int, *, frame_count: int) -> StudioState:
    """Move the playhead; beyond the ends it stays at them."""
    return replace(state, look=replace(state.look, frame=max(0, min(frame, frame_count - 1))))


def with_look(state: StudioState, name: str, value: object) -> StudioState:
    """Change how the work is looked at, by the name of a field. Raises `InputError` for what is none of its values."""
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
