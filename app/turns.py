"""One piece of work after another, in an order that can be changed while they wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future

__all__ = ["Turns"]


class Turns:
    """Hands work to `executor` one piece at a time, whoever else uses it."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._lock = threading.Lock()
        self._busy = False
        self._waiting: list[tuple[Future[None], Callable[[], object]]] = []

    def submit(self, run: Callable[[], object]) -> Future[None]:
        """Put work at the end of the queue; the future is done when it is."""
        turn: Future[None] = Future()
        with self._lock:
            self._waiting.append((turn, run))
        self._begin_next()
        return turn

    def place(self, turn: Future[None]) -> int | None:
        """How many wait before it; None: it waits no more."""
        with self._lock:
            return next((at for at, (waiting, _) in enumerate(self._waiting) if waiting is turn), None)

    def lift(self, turn: Future[None]) -> None:
        """Let it go before the one that is before it, while both wait."""
        with self._lock:
            at = next((at for at, (waiting, _) in enumerate(self._waiting) if waiting is turn), 0)
            if at:
                self._waiting.insert(at - 1, self._waiting.pop(at))

    def _begin_next(self) -> None:
        with self._lock:
            if self._busy or not self._waiting:
                return
            self._busy = True
            turn, run = self._waiting.pop(0)
        self._executor.submit(self._do, turn, run)

    def _do(self, turn: Future[None], run: Callable[[], object]) -> None:
        try:
            run()
        except BaseException as error:  # who waits for it is told
            turn.set_exception(error)
        else:
            turn.set_result(None)
        finally:
            with self._lock:
                self._busy = False
            self._begin_next()
