"""Renders that outlive page and server: what was ordered is kept until it is done, or nobody wants it."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.projects import project_of
from app.requests import Request
from app.sessions import Session
from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.model import HeadId
from loki_core.project.contents import Project
from loki_core.project.document import read_project, save_project
from loki_core.timeline.state import StudioState

__all__ = ["Interrupted", "find_interrupted", "read_interrupted", "remember"]

_FOLDER = "renders"
_ID = re.compile(r"[0-9a-f]{16}")
_PROJECT, _ORDER = "work.loki", "order.json"
_LONGEST = 4096
"""Bytes of an order: a few words and numbers."""


@dataclass(frozen=True)
class Interrupted:
    """A render that was ordered and never ended."""

    id: str
    title: str
    """The portrait's name."""


def remember(session: Session, state: StudioState, request: Request) -> Callable[[], None]:
    """Keep what was ordered, where work is kept at all. Call what it returns when the order is done, or nobody wants it."""
    if session.kept_in is None:
        return lambda: None
    folder = session.kept_in / _FOLDER / secrets.token_hex(8)
    folder.mkdir(parents=True)
    save_project(folder / _PROJECT, project_of(session, state))
    with replacing(folder / _ORDER) as file:  # last: an order that is there is whole
        order = {key: value for key, value in request.items() if key != "token"}
        file.write(json.dumps({**order, "title": session.sitters[state.portrait].name}).encode())
    return lambda: shutil.rmtree(folder, ignore_errors=True)


def find_interrupted(kept_in: Path) -> list[Interrupted]:
    """What is left of a session that is gone."""
    return [
        Interrupted(f"{kept_in.name}/{file.parent.name}", str(_read_order(file).get("title", "")))
        for file in sorted(kept_in.glob(f"{_FOLDER}/*/{_ORDER}"))
    ]


def read_interrupted(kept_in: Path, name: str, head: HeadId) -> tuple[Project, Request, Callable[[], None]]:
    """The work and the order of a render, and how to forget it. Raises `InputError` for what cannot be read."""
    if not _ID.fullmatch(name):
        raise InputError(f"expected a render that is kept, got '{name:.40}'")
    folder = kept_in / _FOLDER / name
    project, order = read_project(folder / _PROJECT, head), _read_order(folder / _ORDER)
    return project, order, lambda: shutil.rmtree(folder, ignore_errors=True)


def _read_order(file: Path) -> Request:
    """Empty where it is damaged: what reads it asks for every value by its kind."""
    try:
        with file.open("rb") as source:
            order = json.loads(source.read(_LONGEST))
    except (OSError, ValueError):
        return {}
    return order if isinstance(order, dict) else {}
