"""What the hand does to keys on the timeline: requests checked, then the core's functions on tracks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from app.requests import Request, integer, listing, number, numbers, text
from app.words import say
from loki_core.errors import InputError
from loki_core.head.controls import control
from loki_core.timeline.curves import INTERPOLATIONS, Interpolation, Key
from loki_core.timeline.tracks import (
    Clipboard,
    Selection,
    Tracks,
    delete_keys,
    mirror_keys,
    move_keys,
    paste_keys,
    scale_keys,
    set_handle,
    set_interpolation,
    shift_keys,
)

__all__ = ["change_keys"]

_FARTHEST = 10**7
"""Frames from 0 within which keys may lie."""


def change_keys(tracks: Tracks, edit: Request) -> Tracks:
    """Do what `edit` says. Raises `InputError` for what makes no sense."""
    name = text(edit, "op")
    if name not in _CHANGES:
        raise InputError(say("bad_request"))
    changed = _CHANGES[name](tracks, edit)
    if any(not 0 <= key.frame < _FARTHEST for _, curve in changed.curves for key in curve.keys):
        raise InputError(say("keys_outside"))
    return changed


def _selection(edit: Request) -> Selection:
    return frozenset((text(_pair(row), "name"), integer(_pair(row), "frame")) for row in listing(edit, "keys"))


def _pair(row: object) -> dict[str, Any]:
    if not isinstance(row, list) or len(row) != 2:
        raise InputError(say("bad_request"))
    return {"name": row[0], "frame": row[1]}


def _interpolation(value: object) -> Interpolation:
    for known in INTERPOLATIONS:
        if value == known:
            return known
    raise InputError(f"expected one of {', '.join(INTERPOLATIONS)}, got {value!r}")


def _handle(value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise InputError(say("bad_request"))
    frames, amount = (number({"": part}, "") for part in value)
    return frames, amount


def _copied(row: object) -> tuple[str, Key]:
    """A key as the page keeps it: control, frame, value, interpolation, left and right handle."""
    if not isinstance(row, list) or len(row) != 6:
        raise InputError(say("bad_request"))
    name, frame, value, interpolation, left, right = row
    key = Key(integer({"": frame}, ""), number({"": value}, ""), _interpolation(interpolation), _handle(left), _handle(right))
    return control(text({"": name}, "")).name, key


def _paste(tracks: Tracks, edit: Request) -> Tracks:
    return paste_keys(tracks, Clipboard(tuple(map(_copied, listing(edit, "copied")))), integer(edit, "frame"))


def _value(tracks: Tracks, edit: Request) -> Tracks:
    return shift_keys(tracks, _selection(edit), integer(edit, "by"), numbers(edit, "amounts"))


def _scale(tracks: Tracks, edit: Request) -> Tracks:
    return scale_keys(tracks, _selection(edit), number(edit, "pivot"), number(edit, "factor"))


def _set_handle(tracks: Tracks, edit: Request) -> Tracks:
    left, right = (_handle(edit.get(side)) for side in ("left", "right"))
    if left is None or right is None:
        raise InputError(say("bad_request"))
    return set_handle(tracks, text(edit, "name"), integer(edit, "frame"), left=left, right=right)


_CHANGES: Mapping[str, Callable[[Tracks, Request], Tracks]] = MappingProxyType(
    {
        "delete": lambda tracks, edit: delete_keys(tracks, _selection(edit)),
        "move": lambda tracks, edit: move_keys(tracks, _selection(edit), integer(edit, "by")),
        "value": _value,
        "scale": _scale,
        "mirror": lambda tracks, edit: mirror_keys(tracks, _selection(edit)),
        "interpolation": lambda tracks, edit: set_interpolation(tracks, _selection(edit), _interpolation(edit.get("value"))),
        "paste": _paste,
        "handle": _set_handle,
    }
)
