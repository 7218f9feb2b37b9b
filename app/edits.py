"""What the user's hand can do to the work, by name: each turns one state into the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from app.driver_edits import change_driver
from app.expression_edits import change_own, put_expression, put_mixture, record_mixture
from app.key_edits import change_keys
from app.layer_edits import change_layers, find_act
from app.requests import Request, flag, integer, listing, number, numbers, optional_text, text
from app.sessions import Session
from app.words import say
from loki_core.errors import InputError
from loki_core.motion.own_expressions import keep_own
from loki_core.timeline.history import gesture_start, record, redo, undo
from loki_core.timeline.performance import frame_rate
from loki_core.timeline.state import (
    StudioState,
    hand_layer,
    values_at_playhead,
    with_control,
    with_controls,
    with_keys,
    with_look,
    with_motion,
    with_portrait,
    with_render_setting,
    with_renderer,
    with_tracks,
    with_trim,
    without_controls,
)
from loki_core.track.handles import drag_handles, on_both_sides

__all__ = ["apply_edit"]


def apply_edit(session: Session, edit: object) -> None:
    """Do one edit. Raises `InputError` when it cannot be done; the work is as before then."""
    if not isinstance(edit, Mapping):
        raise InputError(say("bad_request"))
    name = text(edit, "do")
    with session.lock:
        before = session.state.expressions
        if name in ("undo", "redo"):
            session.replace_history((undo if name == "undo" else redo)(session.history))
        elif name in _EDITS:
            state = _EDITS[name](session, session.state, edit)
            session.replace_history(record(session.history, state, gesture=optional_text(edit, "gesture")))
        else:
            raise InputError(say("bad_request"))
        if session.stage.own is not None and session.state.expressions != before:
            keep_own(session.stage.own, before, session.state.expressions)


def _control(session: Session, state: StudioState, edit: Request) -> StudioState:
    return with_control(state, text(edit, "name"), number(edit, "value"))


def _controls(session: Session, state: StudioState, edit: Request) -> StudioState:
    return with_controls(state, numbers(edit, "values"))


def _key(session: Session, state: StudioState, edit: Request) -> StudioState:
    return with_keys(state, map(str, listing(edit, "names")))


def _keys(session: Session, state: StudioState, edit: Request) -> StudioState:
    start = gesture_start(session.history, optional_text(edit, "gesture"))  # what is dragged may pass over other keys
    return with_tracks(state, change_keys(hand_layer(start).tracks, edit))


def _drag(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Bring handles of the face to their goals, in pixels of the live portrait."""
    stage, sitter = session.stage, session.sitters[state.portrait]
    base = session.frames(state, state.look.frame, state.look.frame + 1, below=hand_layer(state))[0]
    values = drag_handles(
        stage.head, sitter.landmarks, stage.units, base, values_at_playhead(state), sitter.live.portrait.camera,
        numbers(edit, "goals", 2),
    )  # fmt: skip
    if flag(edit, "symmetric"):
        values = on_both_sides(values)
    return with_controls(state, values)


def _reset(session: Session, state: StudioState, edit: Request) -> StudioState:
    return without_controls(state, map(str, listing(edit, "names")))


def _motion(session: Session, state: StudioState, edit: Request) -> StudioState:
    motion = text(edit, "id")
    if not motion:
        return with_motion(state, motion)
    act = find_act(session, motion)
    return with_motion(state, motion, act.name, frame_rate(act.performance))


def _portrait(session: Session, state: StudioState, edit: Request) -> StudioState:
    portrait = text(edit, "id")
    if portrait not in session.sitters:
        raise InputError(say("bad_request"))
    return with_portrait(state, portrait)


def _trim(session: Session, state: StudioState, edit: Request) -> StudioState:
    return with_trim(state, integer(edit, "first"), integer(edit, "stop"), frame_count=session.frame_count(state))


def _renderer(session: Session, state: StudioState, edit: Request) -> StudioState:
    return with_renderer(state, text(edit, "name"))


def _render_setting(session: Session, state: StudioState, edit: Request) -> StudioState:
    return with_render_setting(state, text(edit, "name"), edit.get("value"))


def _look(session: Session, state: StudioState, edit: Request) -> StudioState:
    return with_look(state, text(edit, "name"), edit.get("value"))


_EDITS: Mapping[str, Callable[[Session, StudioState, Request], StudioState]] = MappingProxyType(
    {
        "control": _control,
        "controls": _controls,
        "drag": _drag,
        "key": _key,
        "keys": _keys,
        "reset": _reset,
        "expression": put_expression,
        "mix": put_mixture,
        "mix_record": record_mixture,
        "own": change_own,
        "motion": _motion,
        "portrait": _portrait,
        "layer": change_layers,
        "driver": change_driver,
        "trim": _trim,
        "renderer": _renderer,
        "render_setting": _render_setting,
        "look": _look,
    }
)
