"""What types alone do not say of a state that came out of a file."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from loki_core.errors import InputError
from loki_core.head.controls import check_controls
from loki_core.timeline.state import StudioState, with_trim
from loki_core.timeline.tracks import Tracks

__all__ = ["check_state"]


def check_state(state: StudioState, portraits: Container[str], motions: Container[str]) -> None:
    """Raise `InputError` for controls, keys, ranges and names that no edit in the studio could have made."""
    if state.portrait and state.portrait not in portraits:
        raise InputError(f"expected the portrait '{state.portrait:.80}' beside the state, found none; use another copy")
    if state.trim is not None:
        with_trim(state, *state.trim, frame_count=state.trim[1])
    if state.look.frame < 0:
        raise InputError(f"expected a playhead from 0, got {state.look.frame}; use another copy")
    for part in _parts(state):
        if isinstance(part, Tracks):
            _check_tracks(part)
        if hasattr(part, "controls"):
            _check_still(part.controls)


def _check_tracks(tracks: Tracks) -> None:
    if Tracks.of(tracks.table()) != tracks:
        raise InputError("expected keyed controls in order, each once and with a key; use another copy")
    for name, curve in tracks.curves:
        for key in curve.keys:
            check_controls({name: key.value})


def _check_still(controls: tuple[tuple[str, float], ...]) -> None:
    if tuple(sorted(dict(controls).items())) != controls:
        raise InputError("expected controls in order, each once; use another copy")
    check_controls(dict(controls))


def _parts(value: Any) -> Iterator[Any]:
    """All dataclasses in a value, itself included."""
    if isinstance(value, tuple):
        for item in value:
            yield from _parts(item)
    elif is_dataclass(value):
        yield value
        for field in fields(value):
            yield from _parts(getattr(value, field.name))
