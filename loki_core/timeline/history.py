"""Undo and redo: the previous state, and the one after it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from loki_core.timeline.state import StudioState, work_hash

__all__ = ["History", "gesture_start", "record", "redo", "undo"]

_DEPTH = 500
"""States kept. One is some kilobytes at most: tuples of numbers, pictures by name."""


@dataclass(frozen=True)
class History:
    """A state with those before and after it."""

    present: StudioState = field(default_factory=StudioState)
    past: tuple[StudioState, ...] = ()
    """Oldest first."""
    future: tuple[StudioState, ...] = ()
    """The next to redo last."""
    gesture: str | None = None
    """What made the present: further edits of the same gesture (one drag of a slider) are one step of undo."""


def record(history: History, state: StudioState, *, gesture: str | None = None) -> History:
    """Make `state` the present. A new look at the same work is no step."""
    if work_hash(state) == work_hash(history.present):
        return replace(history, present=state)
    if gesture is not None and gesture == history.gesture:
        return replace(history, present=state, future=())
    return History(state, (*history.past, history.present)[-_DEPTH:], (), gesture)


def gesture_start(history: History, gesture: str | None) -> StudioState:
    """The state in which the gesture began: the present, unless that is already made by it."""
    return history.past[-1] if gesture is not None and gesture == history.gesture else history.present


def undo(history: History) -> History:
    """The state before, looked at as now; the same history when there is none."""
    if not history.past:
        return history
    previous = replace(history.past[-1], look=history.present.look)
    return History(previous, history.past[:-1], (*history.future, history.present))


def redo(history: History) -> History:
    """The state that `undo` left, looked at as now; the same history when there is none."""
    if not history.future:
        return history
    following = replace(history.future[-1], look=history.present.look)
    return History(following, (*history.past, history.present), history.future[:-1])
