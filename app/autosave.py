"""Work kept while it is being made, so that a lost tab or a killed server loses seconds at most.

Nobody logs in, so what was kept is found by a key that the browser made and keeps. On a shared machine nothing is kept.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from app.orders import OrderBook
from app.projects import project_of
from app.renders import claim
from app.sessions import Session, Sessions
from app.words import say
from loki_core.errors import InputError
from loki_core.head.model import HeadId
from loki_core.project.autosave import has_snapshots, recover, save_snapshot
from loki_core.project.contents import Project
from loki_core.timeline.state import work_hash

__all__ = ["RENDERS", "Autosave", "Kept"]

_KEY = re.compile(r"[0-9a-f]{32}")
_PAUSE = 2.0
"""Seconds between two looks at what has changed."""
_DAYS = 14
RENDERS = "renders"
"""Folder of what was rendered: the page is served from it."""
_MOST = 5
"""Works kept a browser."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """A work that can be taken up again."""

    id: str
    seconds: float
    """Since it was last saved."""


class Autosave:
    """Saves every session's work into `root`; None keeps nothing."""

    def __init__(self, root: Path | None, sessions: Sessions) -> None:
        self._root, self._sessions = root, sessions
        self._book = None if root is None else OrderBook(root / "orders.sqlite", root / RENDERS)
        self._saving = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)

    def start(self) -> None:
        """Begin to watch, where anything is to be kept."""
        if self._book is not None:
            self._book.tidy()
            self._thread.start()

    def stop(self) -> None:
        """Save what has changed, and end."""
        self._stop.set()
        if self._root is not None:
            self._thread.join()
            self.save_all()

    def attach(self, session: Session, key: str) -> list[Kept]:
        """Keep this session's work for the browser that has `key`, and give it the renders that the browser's other pages left.

        What work is kept for it and not open now, newest first.
        """
        own = self._folder(key)
        if own is None or self._book is None:
            return []
        session.book, session.owner = self._book, key
        claim(session, [other.folder.name for other in self._sessions.open_ones()])
        session.kept_in = own / session.folder.name
        session.kept = work_hash(session.state)
        found = [work for work in self._others(own) if has_snapshots(own / work.id)]
        for old in found[_MOST:]:
            shutil.rmtree(own / old.id, ignore_errors=True)
        return found[:_MOST]

    def take_up(self, key: str, name: str, head: HeadId) -> Project:
        """What was kept. Raises `InputError` where nothing is, or nothing of it can be read."""
        recovered = recover(self._known(key, name), head)
        for damaged in recovered.passed_over:
            _log.warning("%s: %s", damaged.name, damaged.reason)
        if recovered.project is None:
            raise InputError(say("kept_damaged"))
        return recovered.project

    def end(self, token: str) -> None:
        """Save and end the session of a page that has left; nothing for one that has ended."""
        for session in self._sessions.open_ones():
            if session.token == token:
                self._try_to_save(session)
                self._sessions.end(session)

    def save_all(self) -> None:
        """Save every work that has changed since it was last saved."""
        for session in self._sessions.open_ones():
            self._try_to_save(session)

    def _try_to_save(self, session: Session) -> None:
        try:
            with self._saving:
                self._save(session)
        except (InputError, OSError):  # a full disk must not end the watch; the next change tries again
            _log.exception("could not save a work")

    def _save(self, session: Session) -> None:
        with session.lock:
            state, folder = session.state, session.kept_in
        if folder is None or not state.portrait or work_hash(state) == session.kept:
            return
        save_snapshot(folder, project_of(session, state))
        session.kept = work_hash(state)

    def _folder(self, key: str) -> Path | None:
        """Where a browser's work is kept."""
        if not _KEY.fullmatch(key):
            raise InputError(say("bad_request"))
        return None if self._root is None else self._root / key

    def _known(self, key: str, name: str) -> Path:
        """Where what another page left is kept."""
        own = self._folder(key)
        if own is None or name not in {kept.id for kept in self._others(own)}:
            raise InputError(say("bad_request"))
        return own / name

    def _others(self, own: Path) -> list[Kept]:
        open_now = {session.folder.name for session in self._sessions.open_ones()}
        ages = {folder.name: time.time() - folder.stat().st_mtime for folder in own.glob("*") if folder.is_dir()}
        for name, age in ages.items():
            if age > 86400 * _DAYS and name not in open_now:
                shutil.rmtree(own / name, ignore_errors=True)
        kept = [Kept(name, age) for name, age in ages.items() if age <= 86400 * _DAYS and name not in open_now]
        return sorted(kept, key=lambda work: work.seconds)

    def _run(self) -> None:
        while not self._stop.wait(_PAUSE):
            self.save_all()
