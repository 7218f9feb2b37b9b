"""How long the parts of a render take, measured while they are made: an estimate needs nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8

from app.sessions import Session

__all__ = ["Watch", "estimate_seconds"]

Picture = UInt8[np.ndarray, "H W C"]
_NEW = 0.5
"""Weight of the newest measure of a pace."""


@dataclass
class Watch:
    """Measures one render. What makes its frames, and what they are written as, have a pace each: seconds a megapixel."""

    maker: str
    """The renderer and its settings."""
    form: str
    megapixels: float
    """Of a frame."""
    _spent: dict[str, float] = field(default_factory=dict)
    _times: dict[str, int] = field(default_factory=dict)

    def prepared(self, prepare: Callable[[], Any]) -> Any:
        """What `prepare` gives."""
        start = time.perf_counter()
        scene = prepare()
        self._add(f"prepare {self.maker}", time.perf_counter() - start)
        return scene

    def frames(self, pictures: Iterator[Picture], known: Sequence[bool]) -> Iterator[Picture]:
        """The same pictures. `known`: which of them only have to be read."""
        prepare = f"prepare {self.maker}"
        for is_known in known:
            start, before = time.perf_counter(), self._spent.get(prepare, 0.0)
            picture = next(pictures)
            if not is_known:
                self._add(f"make {self.maker}", time.perf_counter() - start - (self._spent.get(prepare, 0.0) - before))
            start = time.perf_counter()
            yield picture
            self._add(f"write {self.form}", time.perf_counter() - start)
        next(pictures, None)  # what comes after the last one is done, too

    def tell(self, session: Session) -> None:
        """Let the session's paces know, and those who come later; newer measures weigh more."""
        for name, spent in self._spent.items():
            pace = spent / self._times[name] / self.megapixels
            session.paces[name] = session.paces.get(name, pace) * (1 - _NEW) + pace * _NEW
        session.book.keep_paces(session.paces)

    def _add(self, name: str, seconds: float) -> None:
        self._spent[name] = self._spent.get(name, 0.0) + seconds
        self._times[name] = self._times.get(name, 0) + 1


def estimate_seconds(paces: Mapping[str, float], watch: Watch, *, missing: int, count: int) -> float | None:
    """Seconds for `count` frames of which `missing` are to be made; None where a part was never measured."""
    parts = {f"write {watch.form}": count}
    if missing:
        parts |= {f"make {watch.maker}": missing}
    if not all(name in paces for name in parts):
        return None
    prepare = paces.get(f"prepare {watch.maker}", 0.0) if missing else 0.0
    return watch.megapixels * (prepare + sum(paces[name] * times for name, times in parts.items()))
