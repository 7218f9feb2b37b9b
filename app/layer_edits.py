"""What the hand does to layers: requests checked, then the core's functions on the state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

from app.requests import Request, integer, number, text
from app.sessions import Session
from app.stage import Act
from app.words import say
from loki_core.errors import InputError
from loki_core.timeline.curves import Curve, Key, with_key
from loki_core.timeline.layers import Layer, with_field, with_gain, with_region
from loki_core.timeline.performance import layer_length
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

__all__ = ["change_layers", "find_act"]

_FARTHEST = 10**6
"""Frames from 0 within which layers begin and end."""
_MOST = 64


def change_layers(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Do what `edit` says. Raises `InputError` for what makes no sense."""
    name = text(edit, "op")
    if name not in _CHANGES:
        raise InputError(say("bad_request"))
    changed = _CHANGES[name](session, state, edit)
    if len(changed.layers) > _MOST:
        raise InputError(say("too_many_layers", limit=_MOST))
    return changed


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
