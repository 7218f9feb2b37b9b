"""What was ordered, on disk: renders outlive the page and the server that were asked for them.

One SQLite file holds the orders, a folder each holds what they need and what came of them.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.requests import Reply, Request
from loki_core.timeline.state import StudioState

__all__ = ["OrderBook", "OrderState", "Placed", "Render"]

OrderState = Literal["open", "done", "failed", "dropped"]
"""open: to be made, or being made; dropped: nobody wants it now."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, page TEXT NOT NULL, placed REAL NOT NULL, state TEXT NOT NULL,
    title TEXT NOT NULL, first INTEGER NOT NULL, stop INTEGER NOT NULL, request TEXT NOT NULL, result TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS paces (what TEXT PRIMARY KEY, seconds REAL NOT NULL);
PRAGMA user_version = 1;
"""
_VERSION = 1
_DAYS = 14

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Placed:
    """An order in the book."""

    id: str
    """32 hex digits that nobody can guess: the name of its folder, from which its result is served."""
    title: str
    """Portrait and motion."""
    request: Request
    """What the page asked for."""
    first: int
    stop: int
    """The frames, first to stop - 1."""
    state: OrderState = "open"
    result: Reply = field(default_factory=dict)
    placed: float = field(default_factory=time.time)
    """Seconds since 1970."""


@dataclass(eq=False)
class Render:
    """An order as one session has it: to be made, done, or left by a page that is gone."""

    placed: Placed
    book: OrderBook
    """Where it is written down."""
    state: StudioState | None
    """The work that is rendered; None: it lies in the folder, and nobody has asked for it yet."""
    missing: int = 0
    """Frames that were not on disk when it was ordered."""

    @property
    def folder(self) -> Path:
        """What it needs and what came of it."""
        return self.book.folder(self.placed.id)


class OrderBook:
    """The orders in `file`, their folders in `folder`. Nothing is written before the first order.

    Every call opens the file anew: calls are rare, and any thread may make them.
    """

    def __init__(self, file: Path, folder: Path) -> None:
        self._file, self._folder = file, folder

    def folder(self, order: str) -> Path:
        """What an order needs and what came of it."""
        return self._folder / order

    def write(self, order: Placed, *, owner: str, page: str) -> None:
        """Add an order, or write it anew. `owner` sees it; `page` has it open."""
        row = (order.id, owner, page, order.placed, order.state, order.title, order.first, order.stop)
        with self._open() as db:
            db.execute(
                "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, json.dumps(dict(order.request)), json.dumps(order.result)),
            )

    def mark(self, order: str, state: OrderState, result: Reply | None = None) -> None:
        """Say how an order stands now."""
        with self._open() as db:
            db.execute("UPDATE orders SET state = ?, result = ? WHERE id = ?", (state, json.dumps(result or {}), order))

    def remove(self, order: str) -> None:
        """Forget an order, with its folder."""
        with self._open() as db:
            db.execute("DELETE FROM orders WHERE id = ?", (order,))
        shutil.rmtree(self.folder(order), ignore_errors=True)

    def claim(self, *, owner: str, page: str, pages: Collection[str]) -> list[Placed]:
        """Give `page` the owner's orders that none of the open `pages` holds, oldest first; two pages never hold the same.

        What nobody wanted, or what failed, is forgotten.
        """
        if not self._file.exists():
            return []
        others = sorted(set(pages) - {page})
        marks = ", ".join("?" * len(others))
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(f"UPDATE orders SET page = ? WHERE owner = ? AND page NOT IN ({marks})", (page, owner, *others))
            rows = db.execute(
                "SELECT id, title, request, first, stop, state, result, placed FROM orders WHERE owner = ? AND page = ? "
                "ORDER BY placed",
                (owner, page),
            ).fetchall()
            db.execute("COMMIT")
        orders = [_read(row) for row in rows]
        for order in orders:
            if order.state in ("failed", "dropped") or not self.folder(order.id).is_dir():
                self.remove(order.id)
        return [order for order in orders if order.state in ("open", "done") and self.folder(order.id).is_dir()]

    def tidy(self) -> None:
        """Forget what is older than two weeks, and folders that belong to no order."""
        if not self._file.exists():
            return
        eldest = time.time() - 86400 * _DAYS
        with self._open() as db:
            old = [order for (order,) in db.execute("SELECT id FROM orders WHERE placed < ?", (eldest,))]
            known = {order for (order,) in db.execute("SELECT id FROM orders")}
        for order in old:
            self.remove(order)
        for folder in self._folder.glob("*"):
            if folder.name not in known and folder.stat().st_mtime < time.time() - 86400:  # not one that is being made
                shutil.rmtree(folder, ignore_errors=True)

    # --- how long things take ------------------------------------------------------------------------------------------

    def keep_paces(self, paces: Mapping[str, float]) -> None:
        """Remember how long things take."""
        with self._open() as db:
            db.executemany("INSERT OR REPLACE INTO paces VALUES (?, ?)", paces.items())

    def paces(self) -> dict[str, float]:
        """How long things take, by name."""
        if not self._file.exists():
            return {}
        with self._open() as db:
            return dict(db.execute("SELECT what, seconds FROM paces").fetchall())

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            db = _connect(self._file)
        except sqlite3.OperationalError:  # the disk is full, or the folder may not be written
            raise
        except sqlite3.DatabaseError as error:
            _log.warning("%s cannot be read (%s) and is put aside; orders in it are lost", self._file.name, error)
            self._file.replace(self._file.with_suffix(".damaged"))
            db = _connect(self._file)
        with closing(db):
            yield db


def _connect(file: Path) -> sqlite3.Connection:
    """Raises `sqlite3.DatabaseError` for a file that is something else, or of another version."""
    db = sqlite3.connect(file, timeout=30, isolation_level=None)
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"expected version {_VERSION}, got {version}")
    except BaseException:
        db.close()
        raise
    return db


def _read(row: tuple[Any, ...]) -> Placed:
    order, title, request, first, stop, state, result, placed = row
    return Placed(order, title, json.loads(request), first, stop, state, json.loads(result), placed)
