"""One session a page: its work, its pictures and motions, its jobs and its folder. No page can reach another's."""

from __future__ import annotations

import math
import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from app.borrowed import Borrowed
from app.jobs import Job, JobKind, Work
from app.orders import OrderBook, Render
from app.stage import Act, Sitter, Stage, Stamp, Voice
from app.turns import Turns
from app.words import say
from loki_core.errors import InputError
from loki_core.head.params import FlameParams
from loki_core.timeline.evaluate import lay_over, unmoved
from loki_core.timeline.history import History, record
from loki_core.timeline.layers import Layer, audible
from loki_core.timeline.performance import frame_rate, layer_length, perform
from loki_core.timeline.state import StudioState, motion_layer

__all__ = ["Session", "Sessions"]

_MOST_ACTIVE = 4
_ENDED_KEPT = 8
_MOST_SITTERS = 24
"""A portrait takes some tens of megabytes, and undo may return to any."""
_MOST_PERFORMED = 8
"""Motions on a portrait: a minute takes a megabyte."""
_MOST_FRAMES = 16


@dataclass(eq=False)
class Session:
    """What belongs to one page in one browser. Change `history` and the tables only while holding `lock`."""

    stage: Stage
    folder: Path
    """Uploads and results; removed when the page is gone."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """Only the page that opened the session is told; every request brings it back."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    history: History = field(default_factory=History)
    sitters: dict[str, Sitter] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    sounds: dict[str, Voice] = field(default_factory=dict)
    borrowed: dict[str, Borrowed] = field(default_factory=dict)
    """Expressions read off pictures of faces."""
    jobs: dict[str, Job] = field(default_factory=dict)
    renders: dict[str, Render] = field(default_factory=dict)
    """What was ordered, oldest first; those that are under way are jobs of the same id."""
    turns: Turns = field(init=False)
    """Whose turn it is among them."""
    book: OrderBook = field(init=False)
    """Where they are written down: in the session's own folder, until it is known whose they are."""
    owner: str = ""
    """Who finds them there later."""
    paces: dict[str, float] = field(default_factory=dict)
    """Seconds that parts of a render took, by name (app/paces.py)."""
    performed: OrderedDict[object, FlameParams] = field(default_factory=OrderedDict)
    """The last motions that were put on a portrait, by what they were made of."""
    evaluated: OrderedDict[object, FlameParams] = field(default_factory=OrderedDict)
    """The last single frames of the lower layers: while a hand changes one layer, those below stay."""
    kept_in: Path | None = None
    """Where its work is kept for the browser; None: nowhere."""
    kept: str = ""
    """Hash of the work as it was last kept."""
    revision: int = 0
    """Counts the changes, so that the page can tell an old answer from a new one."""

    def __post_init__(self) -> None:
        self.turns = Turns(self.stage.executor)
        self.book = OrderBook(self.folder / "orders.sqlite", self.folder / "renders")

    @property
    def state(self) -> StudioState:
        return self.history.present

    def act(self, state: StudioState) -> Act | None:
        """The lowest performance of a state; None for a still face."""
        layer = motion_layer(state)
        return self.acts[layer.source] if layer else None

    def frame_count(self, state: StudioState) -> int:
        """Frames of the timeline: until every performance has been shown and every sound heard; 1 for a still face."""
        fps = Fraction(*state.fps)
        ends = [layer_length(layer, self.acts[layer.source].performance, fps) for layer in state.layers if not layer.by_hand]
        sounds = [layer.sound for layer in state.layers if layer.sound is not None]
        ends += [sound.first + math.ceil(self.sounds[sound.source].seconds * fps) for sound in sounds]
        return max(1, *ends) if ends else 1

    def change(self, edit: Callable[[StudioState], StudioState]) -> None:
        """Make the next state of the present one: a step of undo, unless it only looks elsewhere."""
        with self.lock:
            self.replace_history(record(self.history, edit(self.state)))

    def replace_history(self, history: History) -> None:
        """Go to another point of the history."""
        with self.lock:
            self.history = history
            self.revision += 1

    def start(self, kind: JobKind, title: str, work: Work, forget: Callable[[], None] = lambda: None) -> None:
        """Begin a job and keep it where the page can ask for it. Raises `InputError` while too many are under way.

        Of those that have ended only the last ones are kept, and their results. Renders wait elsewhere (app/renders.py).
        """
        with self.lock:
            jobs = [job for job in self.jobs.values() if job.id not in self.renders]
            ended = [job for job in jobs if job.ended]
            if len(jobs) - len(ended) >= _MOST_ACTIVE:
                raise InputError(say("too_busy"))
            for old in ended[:-_ENDED_KEPT]:
                del self.jobs[old.id]
                if "path" in old.result:
                    shutil.rmtree(Path(old.result["path"]).parent)
            job = Job(kind, title, work, self.stage.executor, forget)
            self.jobs[job.id] = job

    def keep_sitter(self, key: str, sitter: Sitter) -> None:
        """Add a portrait. Raises `InputError` when there are too many."""
        with self.lock:
            if key not in self.sitters and len(self.sitters) >= _MOST_SITTERS:
                raise InputError(say("too_many_portraits", limit=_MOST_SITTERS))
            self.sitters[key] = sitter

    def frames(self, state: StudioState, first: int, stop: int, *, below: Layer | None = None) -> FlameParams:
        """Coefficients of the portrait in frames `first` to `stop`: batch shape (T,). `below`: of the layers under that one."""
        layers = audible(state.layers)
        if below in layers:
            layers = layers[: layers.index(below)]
        return self._evaluate(state, layers, first, stop)

    def _evaluate(self, state: StudioState, layers: tuple[Layer, ...], first: int, stop: int) -> FlameParams:
        portrait = self.sitters[state.portrait].full.params
        if not layers:
            return unmoved(portrait, stop - first)
        key = (state.portrait, state.fps, layers, first, stop)
        with self.lock:
            if key not in self.evaluated:
                under = self._evaluate(state, layers[:-1], first, stop)
                frames = np.arange(first, stop, dtype=np.float64)
                stage = self.stage
                made = lay_over(
                    layers[-1], under, lambda layer: self._perform(state, layer), portrait, stage.head, stage.units, frames
                )
                if stop - first > 1:
                    return made
                _keep(self.evaluated, key, made, _MOST_FRAMES)
            return self.evaluated[key]

    def _perform(self, state: StudioState, layer: Layer) -> tuple[FlameParams, float]:
        """A layer's performance on the portrait, and its frames a second over the timeline's."""
        performance = self.acts[layer.source].performance
        key = (state.portrait, layer.source, layer.retarget, layer.cleaning)
        if key not in self.performed:
            portrait = self.sitters[state.portrait].full.params
            made = perform(performance, portrait, self.stage.head, self.stage.units, layer.retarget, layer.cleaning)
            _keep(self.performed, key, made, _MOST_PERFORMED)
        return self.performed[key], float(frame_rate(performance) / Fraction(*state.fps))


def _keep(table: OrderedDict[object, FlameParams], key: object, value: FlameParams, most: int) -> None:
    table[key] = value
    while len(table) > most:
        table.popitem(last=False)


class Sessions:
    """The sessions that are open, found by their token. `furnish` fills a new one with the example."""

    def __init__(self, stage: Stage, root: Path, furnish: Callable[[Session], None]) -> None:
        self._stage = stage
        self._root = root
        self._furnish = furnish
        self._lock = threading.Lock()
        self._by_token: dict[str, Session] = {}
        self._token_of_page: dict[str, str] = {}

    def open(self, page: str) -> Session:
        """A new session for the page that Gradio calls `page`. Raises `InputError` when too many are open."""
        session = Session(self._stage, self._root / secrets.token_hex(16))
        with self._lock:
            if len(self._by_token) >= self._stage.limits.pages:
                raise InputError(say("too_many"))
            session.folder.mkdir()
            self._by_token[session.token] = session
            self._token_of_page[page] = session.token
        self._furnish(session)
        return session

    def find(self, token: object) -> Session:
        """The session of a token. Raises `InputError` when it has ended."""
        session = self._by_token.get(token) if isinstance(token, str) else None
        if session is None:
            raise InputError(say("ended"))
        return session

    def open_ones(self) -> list[Session]:
        """Every session."""
        with self._lock:
            return list(self._by_token.values())

    def close(self, page: str) -> None:
        """End the session of a page that is gone: its jobs stop, its folder goes."""
        with self._lock:
            session = self._by_token.pop(self._token_of_page.pop(page, ""), None)
        if session is not None:
            _stop(session)

    def end(self, session: Session) -> None:
        """End a session before its page's connection is found to be gone."""
        with self._lock:
            here = self._by_token.pop(session.token, None)
        if here is not None:
            _stop(session)

    def close_all(self) -> None:
        """End every session."""
        for page in list(self._token_of_page):
            self.close(page)


def _stop(session: Session) -> None:
    jobs = list(session.jobs.values())
    for job in jobs:
        job.cancel()
    for job in jobs:
        job.wait()
    shutil.rmtree(session.folder, ignore_errors=True)
