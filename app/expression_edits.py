"""What the hand does with whole faces: expressions by strength and region, mixtures, and the user's own ones."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from app.requests import Request, integer, listing, number, optional_text, text
from app.sessions import Session
from app.words import say
from loki_core.errors import InputError
from loki_core.head.arkit import read_controls
from loki_core.motion.own_expressions import face_values, own_name
from loki_core.motion.presets import ExpressionPreset
from loki_core.timeline.faces import (
    drop_expression,
    mixture,
    rename_expression,
    scaled,
    with_expression,
    with_own,
    with_recording,
)
from loki_core.timeline.history import gesture_start
from loki_core.timeline.layers import REGIONS, Region
from loki_core.timeline.state import StudioState, with_controls

__all__ = ["change_own", "expressions_of", "put_expression", "put_mixture", "record_mixture"]

_CLOSE = 0.01
"""Share of a control's range by which recorded keys may miss."""
_MOST_MOVES = 20_000
"""Frames of one recording: eleven minutes at 30 a second."""
_FARTHEST = 10**6
"""Frames from the beginning, as for layers."""


def expressions_of(session: Session) -> dict[str, ExpressionPreset]:
    """The user's own expressions and those of the studio, by name."""
    return {own.name: own for own in session.state.expressions} | dict(session.stage.expressions)


def put_expression(session: Session, state: StudioState, edit: Request) -> StudioState:
    """One expression in the place of the face."""
    values = _values(session, text(edit, "name"))
    return with_expression(state, values, strength=_strength(edit), regions=_regions(edit))


def put_mixture(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Four expressions mixed at a point of the pad."""
    at = np.array([[_share(number(edit, "x")), _share(number(edit, "y"))]])
    return with_controls(state, {name: float(column[0]) for name, column in _mixed(session, edit, at).items()})


def record_mixture(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Moves on the pad, by frame, as keys: one step of undo together with what the face did meanwhile."""
    moves = _moves(edit)
    frames = np.arange(moves[0, 0], moves[-1, 0] + 1)
    at = np.stack([np.interp(frames, moves[:, 0], moves[:, axis]) for axis in (1, 2)], axis=1)
    before = gesture_start(session.history, optional_text(edit, "gesture"))
    return with_recording(before, _mixed(session, edit, at), int(moves[0, 0]), tolerance=_CLOSE)


def change_own(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Save the face at the playhead, or rename or delete an own expression."""
    name = text(edit, "op")
    if name not in _CHANGES:
        raise InputError(say("bad_request"))
    return _CHANGES[name](session, state, edit)


def _save(session: Session, state: StudioState, edit: Request) -> StudioState:
    """What stands before the first comma of the name is the label, what follows are tags."""
    label, *tags = (part.strip() for part in text(edit, "label").split(","))
    if state.portrait not in session.sitters:
        raise InputError(say("no_portrait"))
    params = session.frames(state, state.look.frame, state.look.frame + 1)[0]
    base = session.sitters[state.portrait].full.params
    read = read_controls(session.stage.head, session.stage.units, params, base)
    values = face_values({name: float(value) for name, value in read.items()})
    own = ExpressionPreset(own_name(secrets.token_hex(8)), label, tuple(filter(None, tags)), values)
    return with_own(state, own)


_CHANGES: Mapping[str, Callable[[Session, StudioState, Request], StudioState]] = MappingProxyType(
    {
        "save": _save,
        "rename": lambda session, state, edit: rename_expression(state, text(edit, "name"), text(edit, "label").strip()),
        "delete": lambda session, state, edit: drop_expression(state, text(edit, "name")),
    }
)


def _mixed(session: Session, edit: Request, at: Float[np.ndarray, "T 2"]) -> dict[str, Float[np.ndarray, "T"]]:
    names = listing(edit, "corners")
    if len(names) != 4 or not all(isinstance(name, str) for name in names):
        raise InputError(say("bad_request"))
    strength, regions = _strength(edit), _regions(edit)
    corners = [scaled(_values(session, name), strength, regions) if name else {} for name in names]
    return mixture(corners, at[:, 0], at[:, 1])


def _values(session: Session, name: str) -> dict[str, float]:
    known = expressions_of(session)
    if name not in known:
        raise InputError(say("expression_gone"))
    return dict(known[name].values)


def _moves(edit: Request) -> Float[np.ndarray, "M 3"]:
    """Frame, x and y, in the order of the frames; of several in one frame the last."""
    moves = edit.get("moves")
    if not isinstance(moves, list) or not 0 < len(moves) <= _MOST_MOVES:
        raise InputError(say("bad_request"))
    table = {}
    for move in moves:
        if not isinstance(move, list) or len(move) != 3:
            raise InputError(say("bad_request"))
        row: Request = dict(zip(("frame", "x", "y"), move, strict=True))
        frame = integer(row, "frame")
        if not 0 <= frame <= _FARTHEST:
            raise InputError(say("bad_request"))
        table[frame] = (float(frame), _share(number(row, "x")), _share(number(row, "y")))
    if max(table) - min(table) >= _MOST_MOVES:
        raise InputError(say("bad_request"))
    return np.array([table[frame] for frame in sorted(table)])


def _strength(edit: Request) -> float:
    return number(edit, "strength") if "strength" in edit else 1.0


def _regions(edit: Request) -> tuple[Region, ...]:
    """All where none are named."""
    if "regions" not in edit:
        return REGIONS
    named = listing(edit, "regions")
    if not all(name in REGIONS for name in named):
        raise InputError(say("bad_request"))
    return tuple(name for name in REGIONS if name in named)


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise InputError(say("bad_request"))
    return value
