"""Projects that a browser saved or opened last: a copy of each, with a small picture, beside the work that is kept against loss.

Nobody logs in, so they are found by the key that the browser made and keeps, as kept work is.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from app.words import say
from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.project.contents import Project
from loki_core.project.document import project_to_bytes

__all__ = ["Recent", "RecentWork"]

_KEY = re.compile(r"[0-9a-f]{32}")
_MOST = 8
_MOST_BYTES = 1 << 28
"""Of one project; larger ones are not copied."""


@dataclass(frozen=True)
class RecentWork:
    """A project that can be opened again."""

    id: str
    name: str
    seconds: float
    """Since it was saved or opened."""
    picture: str
    """A small picture of it as an address that needs no request."""


class Recent:
    """The projects that were saved or opened last, in `root`; None keeps none."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def add(self, key: str, page: str, name: str, project: Project, picture: str) -> None:
        """Keep a project for the browser with `key`, in the place of what the same page kept under the same name."""
        folder = self._folder(key)
        if folder is None:
            return
        data = project_to_bytes(project)
        if len(data) > _MOST_BYTES:
            return
        folder.mkdir(parents=True, exist_ok=True)
        id = hashlib.sha256(data).hexdigest()[:32]
        for other, notes in self._notes(folder).items():
            if other != id and (notes["page"], notes["name"]) == (page, name):
                _forget(folder, other)
        with replacing(folder / f"{id}.loki") as file:
            file.write(data)
        with replacing(folder / f"{id}.json") as file:
            file.write(json.dumps({"name": name, "page": page, "picture": picture}).encode())
        for old in self.list(key)[_MOST:]:
            _forget(folder, old.id)

    def list(self, key: str) -> list[RecentWork]:
        """Newest first."""
        folder = self._folder(key)
        if folder is None:
            return []
        now = time.time()
        works = [
            RecentWork(id, notes["name"], max(0.0, now - (folder / f"{id}.json").stat().st_mtime), notes["picture"])
            for id, notes in self._notes(folder).items()
        ]
        return sorted(works, key=lambda work: work.seconds)

    def find(self, key: str, id: str) -> Path:
        """The file of one of them. Raises `InputError` where it is gone."""
        folder = self._folder(key)
        if folder is None or id not in self._notes(folder):
            raise InputError(say("works_gone"))
        return folder / f"{id}.loki"

    def _folder(self, key: str) -> Path | None:
        if not _KEY.fullmatch(key):
            raise InputError(say("bad_request"))
        return None if self._root is None else self._root / key

    def _notes(self, folder: Path) -> dict[str, dict[str, str]]:
        """What was written down of each; what is damaged is left out, as if it were gone."""
        notes = {}
        for path in folder.glob("*.json"):
            try:
                read = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            whole = isinstance(read, dict) and all(isinstance(read.get(name), str) for name in ("name", "page", "picture"))
            if whole and path.with_suffix(".loki").is_file():
                notes[path.stem] = read
        return notes


def _forget(folder: Path, id: str) -> None:
    for suffix in (".json", ".loki"):
        (folder / f"{id}{suffix}").unlink(missing_ok=True)
