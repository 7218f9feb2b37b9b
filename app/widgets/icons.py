"""Line icons, 24 units a side, drawn in the colour of the text."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from types import MappingProxyType

from app.words import say

__all__ = ["icon", "icon_button"]

_PATHS: Mapping[str, str] = MappingProxyType(
    {
        "open": "M3 19V5h6l2 3h8v3M3 19l4-8h15l-4 8z",
        "save": "M12 3v12M7 10l5 5 5-5M4 20h16",
        "undo": "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
        "redo": "m15 14 5-5-5-5m5 5H10a6 6 0 0 0 0 12h3",
        "theme": "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9",
        "light": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2"
        "M5 5l1.4 1.4M17.6 17.6 19 19M19 5l-1.4 1.4M6.4 17.6 5 19",
        "keys": "M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M8 15h8",
        "play": "M7 4v16l13-8z",
        "pause": "M6 4h4v16H6zM14 4h4v16h-4z",
        "first": "M6 5v14M19 5l-9 7 9 7z",
        "back": "m15 5-8 7 8 7",
        "forward": "m9 5 8 7-8 7",
        "last": "M18 5v14M5 5l9 7-9 7z",
        "key": "M12 4l7 8-7 8-7-8z",
        "autokey": "M12 6a6 6 0 1 0 0 12 6 6 0 0 0 0-12M12 12h.01",
        "previous": "M11 6l-5 6 5 6M18 7l-4 5 4 5",
        "next": "M13 6l5 6-5 6M6 7l4 5-4 5",
        "graph": "M3 18C9 18 9 6 14 6s4 6 7 6M3 21V3",
        "copy": "M9 9h11v11H9zM5 15H4V4h11v1",
        "paste": "M8 5H5v15h14V5h-3M9 3h6v4H9z",
        "mirror": "M12 3v18M8 7l-5 9h5zM16 7l5 9h-5z",
        "up": "m6 14 6-6 6 6",
        "down": "m6 10 6 6 6-6",
        "plus": "M12 6v12M6 12h12",
        "voice": "M4 10v4M8 7v10M12 4v16M16 8v8M20 11v2",
        "rename": "M4 20l1-5L16 4l4 4L9 19zM13 7l4 4",
        "delete": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
        "look": "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
        "grab": "M8 13V6a1.5 1.5 0 0 1 3 0v5V4a1.5 1.5 0 0 1 3 0v7V6a1.5 1.5 0 0 1 3 0v8"
        "c0 4-2 7-6 7-3 0-4-1-6-4l-2-4a1.5 1.5 0 0 1 3-1z",
        "head": "M12 3a7 8 0 1 0 0 16 7 8 0 0 0 0-16M3 11c0 2 4 3.5 9 3.5s9-1.5 9-3.5",
        "face": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M9 9.5h.01M15 9.5h.01M8 14c1.5 3 6.5 3 8 0",
        "close": "M6 6l12 12M18 6 6 18",
        "neck": "M9 3v8c0 3-5 4-6 9M15 3v8c0 3 5 4 6 9M8 14c1 1 7 1 8 0",
        "jaw": "M5 4v8c0 5 3 8 7 8s7-3 7-8V4M9 13c1 2 5 2 6 0z",
        "gaze": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v4M12 18v4M2 12h4M18 12h4",
        "record": "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14M12 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2",
        "loop": "M17 2l4 4-4 4M3 11V9a3 3 0 0 1 3-3h15M7 22l-4-4 4-4M21 13v2a3 3 0 0 1-3 3H3",
        "sound": "M4 10v4h3l5 4V6l-5 4zM15 9a4 4 0 0 1 0 6M17 6a8 8 0 0 1 0 12",
        "silent": "M4 10v4h3l5 4V6l-5 4zM15 10l5 5M20 10l-5 5",
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
