"""Line icons, 24 units a side, drawn in the colour of the text."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from types import MappingProxyType

from app.words import say

__all__ = ["icon", "icon_button"]

_PATHS: Mapping[str, str] = MappingProxyType(
    {
        "undo": "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
        "redo": "m15 14 5-5-5-5m5 5H10a6 6 0 0 0 0 12h3",
        "theme": "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9",
        "keys": "M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M8 15h8",
        "play": "M7 4v16l13-8z",
        "pause": "M6 4h4v16H6zM14 4h4v16h-4z",
        "first": "M6 5v14M19 5l-9 7 9 7z",
        "back": "m15 5-8 7 8 7",
        "forward": "m9 5 8 7-8 7",
        "last": "M18 5v14M5 5l9 7-9 7z",
        "loop": "M17 2l4 4-4 4M3 11V9a3 3 0 0 1 3-3h15M7 22l-4-4 4-4M21 13v2a3 3 0 0 1-3 3H3",
        "startHere": "M8 4H5v16h3M12 12h8m-4-4 4 4-4 4",
        "endHere": "M16 4h3v16h-3M4 12h8m-4-4 4 4-4 4",
        "whole": "M8 4H4v16h4M16 4h4v16h-4",
    }
)


def icon(name: str) -> str:
    """The icon as markup, hidden from screen readers: the button that holds it has a name."""
    return f'<svg viewBox="0 0 24 24" aria-hidden="true" class="{name}"><path d="{_PATHS[name]}"/></svg>'


def icon_button(name: str, words: str, *, attributes: str = "") -> str:
    """A button that does `name`; its label, also its tooltip, is `words` from the table."""
    label = escape(say(words), quote=True)
    return f'<button type="button" data-do="{name}" title="{label}" aria-label="{label}" {attributes}>{icon(name)}</button>'
