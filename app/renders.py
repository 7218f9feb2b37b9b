"""The queue of a session: renders wait for their turn, are made one after another, and stay with what came of them."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import UInt8

from app.jobs import Job
from app.orders import Placed, Render
from app.output import Order, known_frames, order_range, render_order, stem_of, watch_of
from app.paces import estimate_seconds
from app.pictures import draw
from app.projects import adopt, project_of
from app.requests import Reply, Request, flag, integer, text
from app.sessions import Session
from app.stage import jpeg
from app.words import say
from loki_core.errors import InputError
from loki_core.project.document import read_project, save_project
from loki_core.render.base import Progress
from loki_core.timeline.performance import spans
from loki_core.timeline.state import StudioState, with_frame

__all__ = ["cancel", "claim", "foresee", "go_on", "lift", "place", "remove", "report_renders"]

_MOST_WAITING = 32
_MOST_RESULTS = 24
_STAMP_SIDE = 96
"""Pixels of the longer side of the small picture of an order."""
_PROJECT, _STAMP, _RESULT = "work.loki", "stamp.jpg", "result"


def _order(state: StudioState, request: Request) -> Order:
    """What a page asks for. Raises `InputError` for what makes no sense."""
    return Order(
        state=state,
        format=text(request, "format"),
        frame=integer(request, "frame") if text(request, "frames") == "frame" else None,
        sound=flag(request, "sound"),
        panel=flag(request, "panel"),
        project=flag(request, "project"),
    )


def place(session: Session, state: StudioState, request: Request) -> None:
    """Put a render of a state at the end of the queue; later edits do not touch it.

    Raises `InputError` for an order that makes no sense, and when too many wait.
    """
    order = _order(state, request)
    if state.portrait not in session.sitters:
        raise InputError(say("no_portrait"))
    first, stop = order_range(session, order)
    asked = {key: value for key, value in request.items() if key != "token"}
    placed = Placed(secrets.token_hex(16), stem_of(session, state), asked, first, stop)
    render = Render(placed, session.book, state, known_frames(session, order).count(False))
    render.folder.mkdir(parents=True)
    try:
        _keep(session, render, state)
        with session.lock:
            _make_room(session)
            session.renders[placed.id] = render
            _start(session, render, order)
    except BaseException:
        render.book.remove(placed.id)
        raise


def claim(session: Session, pages: list[str]) -> None:
    """Take over what the session's owner ordered on pages that are gone; `pages` are those that are open."""
    orders = session.book.claim(owner=session.owner, page=session.folder.name, pages=pages)
    with session.lock:
        session.paces = {**session.book.paces(), **session.paces}
        for placed in orders:
            result = placed.result
            if "name" in result:
                result = {**result, "path": str(session.book.folder(placed.id) / _RESULT / result["name"])}
            session.renders.setdefault(placed.id, Render(replace(placed, result=result), session.book, None))


def go_on(session: Session, name: str) -> None:
    """Put a render that was cut off, cancelled or has failed at the end of the queue again.

    Raises `InputError` where its work cannot be read.
    """
    render = _find(session, name)
    if render.state is None:
        project = read_project(render.folder / _PROJECT, session.stage.head.id)
        adopt(session, project)
        render.state = project.state
    order = _order(render.state, render.placed.request)
    render.missing = known_frames(session, order).count(False)
    with session.lock:
        if _state(render, session.jobs.get(name)) not in ("interrupted", "failed", "cancelled"):
            raise InputError(say("bad_request"))
        render.book.mark(name, "open")
        _start(session, render, order)


def cancel(session: Session, name: str) -> None:
    """Stop a render, or take it out of the queue; what is finished of it stays on disk for the next."""
    _find(session, name)
    job = session.jobs.get(name)
    if job is not None and not job.ended:
        job.cancel()
        job.forget()


def lift(session: Session, name: str) -> None:
    """Let a render go before the one that is before it in the queue."""
    _find(session, name)
    if name in session.jobs:
        session.turns.lift(session.jobs[name].turn)


def remove(session: Session, name: str) -> None:
    """Forget a render that has ended or never begun, with what came of it."""
    with session.lock:
        render, job = _find(session, name), session.jobs.get(name)
        if job is not None and job.state == "running":
            raise InputError(say("bad_request"))
        if job is not None:
            job.cancel()
            del session.jobs[name]
        del session.renders[name]
    render.book.remove(name)


def foresee(session: Session, request: Request) -> Reply:
    """What a render of the present work would take, and which frames of the range are on disk, as spans; nothing is begun.

    Raises `InputError` as `place`.
    """
    state = session.state
    order = _order(state, request)
    if state.portrait not in session.sitters:
        raise InputError(say("no_portrait"))
    known = known_frames(session, order)
    missing = known.count(False)
    seconds = estimate_seconds(session.paces, watch_of(session, order), missing=missing, count=len(known))
    told = {"count": len(known), "missing": missing, "seconds": seconds}
    if not order.draws:
        return {**told, "range": None, "done": []}
    whole = replace(order, frame=None)
    first, stop = order_range(session, whole)
    marks = known if order.frame is None else known_frames(session, whole)
    return {**told, "range": (first, stop), "done": [(first + start, first + end) for start, end in spans(np.array(marks))]}


def report_renders(session: Session) -> list[Reply]:
    """What the page shows of them: what is under way first, in its order; the rest as it was ordered, the newest first."""
    with session.lock:
        told = [_report(session, render) for render in session.renders.values()]
    ranks = {"running": 0, "waiting": 1}
    return sorted(told, key=lambda one: (ranks.get(one["state"], 2), one["place"], -one["placed"]))


def _report(session: Session, render: Render) -> Reply:
    placed, job = render.placed, session.jobs.get(render.placed.id)
    blank = {"kind": "render", "error": "", "done": 0, "total": 0, "left": None, "result": placed.result}
    place = session.turns.place(job.turn) if job is not None else None
    stamp = render.folder / _STAMP
    return {
        **(blank if job is None else job.report()),
        "id": placed.id,
        "title": placed.title,
        "state": _state(render, job),
        "place": place or 0,
        "placed": placed.placed,
        "format": placed.request["format"],
        "still": placed.request["frames"] == "frame",
        "frames": (placed.first, placed.stop),
        "stamp": str(stamp),
        "seconds": _estimate(session, render),
    }


def _state(render: Render, job: Job | None) -> str:
    if job is not None:
        return job.state
    return "done" if render.placed.state == "done" else "interrupted"


def _estimate(session: Session, render: Render) -> float | None:
    """None for work that is not read yet, too."""
    if render.state is None or render.state.portrait not in session.sitters:
        return None
    watch = watch_of(session, _order(render.state, render.placed.request))
    count = render.placed.stop - render.placed.first
    return estimate_seconds(session.paces, watch, missing=render.missing, count=count)


def _start(session: Session, render: Render, order: Order) -> None:
    name = render.placed.id

    def work(progress: Progress, cancelled: Callable[[], bool]) -> Reply:
        shutil.rmtree(render.folder / _RESULT, ignore_errors=True)  # what a server that was killed left half-written
        try:
            reply = render_order(session, order, render.folder / _RESULT, progress, cancelled)
        except InputError:
            render.book.mark(name, "failed")
            raise
        render.book.mark(name, "done", reply)
        (render.folder / _PROJECT).unlink(missing_ok=True)  # it holds the clips: much, and of no more use
        return reply

    title = say("rendering", name=render.placed.title)
    session.jobs[name] = Job("render", title, work, session.turns, lambda: render.book.mark(name, "dropped"), name)


def _keep(session: Session, render: Render, state: StudioState) -> None:
    """Write down what the order needs to be made by another server; last the line of the book: an order in it is whole."""
    placed = render.placed
    middle = with_frame(state, (placed.first + placed.stop) // 2, frame_count=placed.stop)
    (render.folder / _STAMP).write_bytes(jpeg(_shrink(draw(session, middle, "warp"))))
    if session.kept_in is not None:
        save_project(render.folder / _PROJECT, project_of(session, state))
    render.book.write(placed, owner=session.owner, page=session.folder.name)


def _make_room(session: Session) -> None:
    """Forget the eldest results. Raises `InputError` when too many renders wait."""
    states = {name: _state(render, session.jobs.get(name)) for name, render in session.renders.items()}
    if sum(state in ("waiting", "running") for state in states.values()) >= _MOST_WAITING:
        raise InputError(say("too_busy"))
    ended = sorted(
        (name for name, state in states.items() if state not in ("waiting", "running", "interrupted")),
        key=lambda name: session.renders[name].placed.placed,
    )
    for name in ended[: max(0, len(ended) - _MOST_RESULTS + 1)]:
        remove(session, name)


def _find(session: Session, name: str) -> Render:
    if name not in session.renders:
        raise InputError(say("bad_request"))
    return session.renders[name]


def _shrink(picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "h w 3"]:
    scale = _STAMP_SIDE / max(picture.shape[:2])
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
