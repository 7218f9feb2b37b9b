"""Documents of older versions made into documents of this one: a chain of functions from dict to dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loki_core.errors import InputError

__all__ = ["VERSION", "migrate"]

Document = Mapping[str, Any]
"""A project's JSON."""


def migrate(document: Document, where: str) -> Document:
    """The document as this version writes it. Raises `InputError` for a newer one, and for one that is none."""
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputError(f"{where}: expected a project with a version, got {version!r:.40}; choose a file that the studio saved")
    if version > VERSION:
        raise InputError(
            f"{where}: expected a project of version {VERSION} at most, got version {version}; open it with a newer Loki Studio"
        )
    try:
        for step in _STEPS[version - 1 :]:
            document = step(document)
    except (KeyError, TypeError, AttributeError) as exc:
        raise InputError(f"{where}: expected a project of version {version}, got a damaged one ({exc!r:.80})") from exc
    return {**document, "version": VERSION}


def _motion_becomes_a_layer(document: Document) -> Document:
    """1 to 2: the one motion with its settings, and what was set by hand on top of it, become layers.

    The timeline had the motion's rate, which was written beside it; now it has its own.
    """
    state, motions = {**document["state"]}, {key: {**entry} for key, entry in document["motions"].items()}
    rates = {key: entry.pop("fps", [30, 1]) for key, entry in motions.items()}
    motion, settings = state.pop("motion", ""), state.pop("retarget", {})
    by_hand = {name: state.pop(name) for name in ("controls", "tracks") if name in state}
    layers = []
    if motion != "":
        state["fps"] = rates[motion]
        name = motions[motion]["name"]
        layers.append({"id": "1", "name": name, "source": motion, "mode": "override", "retarget": settings})
    if by_hand.get("controls", []) != [] or by_hand.get("tracks", {}).get("curves", []) != []:
        layers.append({"id": "hand", **by_hand})
    return {**document, "state": {**state, "layers": layers}, "motions": motions}


def _own_material_comes_in(document: Document) -> Document:
    """2 to 3: the user's own expressions and the sounds of layers. Older works have none of either, and stay as they are."""
    return document


_STEPS: tuple[Callable[[Document], Document], ...] = (_motion_becomes_a_layer, _own_material_comes_in)
"""The step at index k makes version k + 2 of version k + 1."""
VERSION = len(_STEPS) + 1
"""What this version of the studio writes."""
