"""What the hand does to layers: requests checked, then the core's functions on the state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from jaxtyping import Float32

from app.material import SPEECH_RATE
from app.requests import Request, integer, number, text
from app.sessions import Session
from app.stage import Act, Voice
from app.words import say
from loki_core.errors import InputError
from loki_core.head.controls import control
from loki_core.motion.generators import (
    BlinkSettings,
    BreathingSettings,
    ControlValues,
    IdleSettings,
    SaccadeSettings,
    blinks,
    breathing,
    idle,
    saccades,
)
from loki_core.motion.speech import SoundSettings, TextSettings, speech_from_sound, speech_from_text
from loki_core.timeline.bake import bake
from loki_core.timeline.curves import Curve, Key, with_key
from loki_core.timeline.layers import Layer, LayerSound, with_field, with_gain, with_region
from loki_core.timeline.performance import layer_length
from loki_core.timeline.slots import SIDES, Side, fill_slot, free_slot, leave_one
from loki_core.timeline.state import (
    StudioState,
    add_layer,
    change_layer,
    copy_layer,
    drop_layer,
    lift_layer,
    with_motion,
    with_selected,
)
from loki_core.timeline.tracks import Tracks

__all__ = ["GENERATORS", "add_voice", "change_layers", "find_act"]

_FARTHEST = 10**6
"""Frames from 0 within which layers begin and end."""
_MOST = 64


def change_layers(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Do what `edit` says. Raises `InputError` for what makes no sense."""
    name = text(edit, "op")
    if name not in _CHANGES:
        raise InputError(say("bad_request"))
    return _within_limit(_CHANGES[name](session, state, edit))


def _within_limit(state: StudioState) -> StudioState:
    if len(state.layers) > _MOST:
        raise InputError(say("too_many_layers", limit=_MOST))
    return state


def find_act(session: Session, name: str) -> Act:
    """A motion of this session. Raises `InputError` for what is none."""
    if name not in session.acts:
        raise InputError(say("bad_request"))
    return session.acts[name]


def _add(session: Session, state: StudioState, edit: Request) -> StudioState:
    """A layer for hands, or a motion from the playhead on; the first motion of all is the timeline's."""
    source = text(edit, "source")
    if not source:
        return add_layer(state, Layer("", say("layer_hand")))
    act = find_act(session, source)
    if all(layer.by_hand for layer in state.layers):
        return with_motion(state, source, act.name, Fraction(*state.fps))
    layer = Layer("", act.name, source, first=state.look.frame)
    return add_layer(state, replace(layer, stop=layer_length(layer, act.performance, Fraction(*state.fps))))


def _side(edit: Request) -> Side:
    found = next((side for side in SIDES if side == text(edit, "side")), None)
    if found is None:
        raise InputError(say("bad_request"))
    return found


def _slot(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Take pose or expression from another performance, or with an empty source from none."""
    name, side, source = text(edit, "id"), _side(edit), text(edit, "source")
    return fill_slot(state, name, side, source, find_act(session, source).name) if source else free_slot(state, name, side)


_GENERATORS: Mapping[str, Callable[[int, Fraction, int], ControlValues]] = MappingProxyType(
    {
        "blinks": lambda frames, fps, seed: blinks(frames, fps, BlinkSettings(), seed=seed),
        "glances": lambda frames, fps, seed: saccades(frames, fps, SaccadeSettings(), seed=seed),
        "breathing": lambda frames, fps, seed: breathing(frames, fps, BreathingSettings(), seed=seed),
        "idle": lambda frames, fps, seed: idle(frames, fps, IdleSettings(), seed=seed),
    }
)
GENERATORS = tuple(_GENERATORS)
"""What can be made by itself: layers of keys from a seed."""
_CLOSE = 0.01
"""Share of a control's range by which baked keys may miss."""
_SEEDS = 2**31


def _generate(session: Session, state: StudioState, edit: Request) -> StudioState:
    """A new layer of keys over the whole timeline."""
    kind, seed, count = text(edit, "kind"), integer(edit, "seed"), session.frame_count(state)
    if kind not in _GENERATORS or not 0 <= seed < _SEEDS:
        raise InputError(say("bad_request"))
    if count < 2:
        raise InputError(say("generate_still"))
    return _add_baked(state, say(f"generate_{kind}"), _GENERATORS[kind](count, Fraction(*state.fps), seed), first=0)


def _speak(session: Session, state: StudioState, edit: Request) -> StudioState:
    """A new layer of keys for a mouth that says a text, from the playhead on."""
    words = text(edit, "text")
    values = speech_from_text(words, Fraction(*state.fps), TextSettings())
    return _add_baked(state, words[:40].strip(), values, first=state.look.frame)


def add_voice(state: StudioState, key: str, voice: Voice, samples: Float32[np.ndarray, "N"], *, first: int) -> StudioState:
    """A new layer of keys for a mouth that follows a sound, which is heard from frame `first` on."""
    fps = Fraction(*state.fps)
    frames = math.ceil(voice.seconds * fps) + 1
    values = speech_from_sound(samples, SPEECH_RATE, frames, fps, SoundSettings())
    if not any(column.any() for column in values.values()):
        raise InputError(say("voice_silent"))
    return _within_limit(_add_baked(state, voice.name, values, first=first, sound=LayerSound(key, first)))


def _add_baked(
    state: StudioState, name: str, values: ControlValues, *, first: int, sound: LayerSound | None = None
) -> StudioState:
    curves = {
        control_name: bake(column, _CLOSE * (control(control_name).maximum - control(control_name).minimum), first=first)
        for control_name, column in values.items()
        if np.abs(column).max() > 0
    }
    return add_layer(state, Layer("", name, tracks=Tracks.of(curves), sound=sound))


def _changed(change: Callable[[Layer, StudioState, Request], Layer]) -> Callable[[Session, StudioState, Request], StudioState]:
    """A change of the one layer that the request names."""

    def edited(session: Session, state: StudioState, edit: Request) -> StudioState:
        return change_layer(state, text(edit, "id"), lambda layer: change(layer, state, edit))

    return edited


def _set_field(layer: Layer, state: StudioState, edit: Request) -> Layer:
    name, value = text(edit, "name"), edit.get("value")
    if isinstance(value, int) and abs(value) > _FARTHEST:
        raise InputError(say("layer_outside", limit=_FARTHEST, got=value))
    return with_field(layer, name, value)


def _set_weight(layer: Layer, state: StudioState, edit: Request) -> Layer:
    """Of all frames while there is no more than one key, else at the playhead."""
    value = number(edit, "value")
    if not 0 <= value <= 1:
        raise InputError(f"expected a weight from 0 to 1, got {value:g}")
    if len(layer.weight.keys) > 1 or edit.get("key") is True:
        return replace(layer, weight=with_key(layer.weight, state.look.frame, value))
    return replace(layer, weight=Curve(() if value == 1 else (Key(0, value),)))


def _free_weight(layer: Layer, state: StudioState, edit: Request) -> Layer:
    """Without the key at the playhead."""
    return replace(layer, weight=Curve(tuple(key for key in layer.weight.keys if key.frame != state.look.frame)))


_CHANGES: Mapping[str, Callable[[Session, StudioState, Request], StudioState]] = MappingProxyType(
    {
        "add": _add,
        "generate": _generate,
        "speak": _speak,
        "slot": _slot,
        "only": lambda session, state, edit: leave_one(state, text(edit, "id"), _side(edit)),
        "copy": lambda session, state, edit: copy_layer(state, text(edit, "id")),
        "delete": lambda session, state, edit: drop_layer(state, text(edit, "id")),
        "lift": lambda session, state, edit: lift_layer(state, text(edit, "id"), integer(edit, "by")),
        "select": lambda session, state, edit: with_selected(state, text(edit, "id")),
        "field": _changed(_set_field),
        "region": _changed(lambda layer, state, edit: with_region(layer, text(edit, "name"), number(edit, "value"))),
        "gain": _changed(lambda layer, state, edit: with_gain(layer, text(edit, "name"), number(edit, "value"))),
        "weight": _changed(_set_weight),
        "free": _changed(_free_weight),
    }
)
