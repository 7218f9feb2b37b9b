"""Work that takes longer than an answer may: its progress, its end, and how to stop it."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, Literal

from app.turns import Turns
from app.words import say, sentence
from loki_core.errors import InputError
from loki_core.render.base import Cancelled, Progress

__all__ = ["Job", "JobKind", "Work"]

JobKind = Literal["track", "render"]

Work = Callable[[Progress, Callable[[], bool]], dict[str, Any]]
"""Called with (progress, cancelled); returns what the page is told at the end, raises `Cancelled` when it stopped early."""

_log = logging.getLogger(__name__)


class Job:
    """One piece of work in a thread. Its state only moves on: waiting, running, then done, failed or cancelled."""

    def __init__(
        self,
        kind: JobKind,
        title: str,
        work: Work,
        executor: Executor | Turns,
        forget: Callable[[], None] = lambda: None,
        name: str | None = None,
    ) -> None:
        self.forget = forget
        """To be called when nobody wants the work any more; a page that is gone may come back for it."""
        self.id = name or secrets.token_hex(8)
        self.kind = kind
        self.title = title
        self.state: Literal["waiting", "running", "done", "failed", "cancelled"] = "waiting"
        self.error = ""
        self.result: dict[str, Any] = {}
        self._done, self._total = 0, 0
        self._started = 0.0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.turn: Future[None] = executor.submit(partial(self._run, work))

    @property
    def ended(self) -> bool:
        """Done, failed or cancelled."""
        return self.state not in ("waiting", "running")

    def cancel(self) -> None:
        """Ask the work to stop; it does at its next frame, or never begins."""
        with self._lock:
            self._stop.set()
            if self.state == "waiting":
                self.state = "cancelled"

    def wait(self) -> None:
        """Return when the work has ended, however."""
        self.turn.result()

    def report(self) -> dict[str, Any]:
        """What the page shows of it."""
        report = {"id": self.id, "kind": self.kind, "title": self.title, "state": self.state, "error": self.error}
        return {**report, "done": self._done, "total": self._total, "left": self._seconds_left(), "result": self.result}

    def _seconds_left(self) -> float | None:
        """None until it can be told."""
        if self.state != "running" or not self._done:
            return None
        return (time.monotonic() - self._started) / self._done * (self._total - self._done)

    def _progress(self, done: int, total: int) -> None:
        self._done, self._total = done, total

    def _run(self, work: Work) -> None:
        with self._lock:
            if self._stop.is_set():
                return
            self._started = time.monotonic()
            self.state = "running"
        try:
            self.result = work(self._progress, self._stop.is_set)
            self.state = "done"
        except Cancelled:
            self.state = "cancelled"
        except InputError as error:
            self._fail(sentence(str(error)))
        except Exception:  # the thread's last door: the page must learn that the work has ended
            _log.exception("%s failed", self.title)
            self._fail(say("our_fault"))

    def _fail(self, error: str) -> None:
        self.error = error
        self.state = "failed"
