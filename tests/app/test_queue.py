"""Renders in a row: what waits, what is found again, and whose it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from app.autosave import Autosave
from app.edits import apply_edit
from app.orders import OrderBook, Placed
from app.panels.projects import keep_and_take_up
from app.panels.render import change_render, foresee_render, start_render
from app.report import report_library
from app.sessions import Session, Sessions
from app.turns import Turns
from loki_core.errors import InputError
from loki_core.media.picture import read_picture
from loki_core.media.video_in import probe
from loki_core.timeline.performance import spans
from loki_core.timeline.state import with_frame
from tests.app.test_render import ORDER

KEY = "0123456789abcdef" * 2


def renders(session: Session) -> list[dict]:
    return [job for job in report_library(session)["jobs"] if job["kind"] == "render"]


def states(session: Session) -> list[str]:
    return [job["state"] for job in renders(session)]


def finish(session: Session) -> None:
    for job in list(session.jobs.values()):
        job.wait()


def change(session: Session, does: str, name: str) -> None:
    change_render(session, {"do": does, "id": name})


@pytest.fixture
def short(session: Session) -> Session:
    apply_edit(session, {"do": "trim", "first": 60, "stop": 64})
    return session


@pytest.fixture
def gate(short: Session) -> Iterator[threading.Event]:
    """No render's turn comes until it is set."""
    gate = threading.Event()
    short.turns.submit(gate.wait)
    yield gate
    gate.set()


# --- turns -----------------------------------------------------------------------------------------------------------------


def test_one_piece_of_work_runs_at_a_time_in_the_order_that_was_chosen_last():
    done: list[str] = []
    gate = threading.Event()
    with ThreadPoolExecutor(2) as executor:
        turns = Turns(executor)
        first = turns.submit(gate.wait)
        later = [turns.submit(partial(done.append, name)) for name in "abc"]
        assert [turns.place(turn) for turn in (first, *later)] == [None, 0, 1, 2]
        turns.lift(later[2])
        turns.lift(later[2])
        turns.lift(later[2])  # it is the first: nothing happens
        turns.lift(first)
        gate.set()
        for turn in later:
            turn.result()
    assert done == ["c", "a", "b"]


def test_work_that_fails_lets_the_next_one_begin():
    def fail() -> None:
        raise KeyError("x")

    with ThreadPoolExecutor(1) as executor:
        turns = Turns(executor)
        first, second = turns.submit(fail), turns.submit(lambda: None)
        assert second.result() is None
        with pytest.raises(KeyError):
            first.result()


# --- the queue of a page ---------------------------------------------------------------------------------------------------


def test_pressing_render_again_puts_another_into_the_queue(short, gate):
    start_render(short, ORDER)
    start_render(short, {**ORDER, "format": "png"})
    assert [(job["format"], job["state"], job["place"]) for job in renders(short)] == [
        ("mp4", "waiting", 0),
        ("png", "waiting", 1),
    ]
    for job in renders(short):
        assert job["frames"] == (60, 64) and max(read_picture(job["stamp"]).rgb.shape) == 96
    gate.set()
    finish(short)
    assert [(job["format"], job["state"]) for job in renders(short)] == [("png", "done"), ("mp4", "done")]
    assert all(Path(job["result"]["path"]).is_file() for job in renders(short))


def test_a_render_that_waits_can_be_lifted_cancelled_and_put_back(short, gate):
    for form in ("mp4", "gif", "png"):
        start_render(short, {**ORDER, "format": form})
    names = {job["format"]: job["id"] for job in renders(short)}
    change(short, "lift", names["png"])
    change(short, "cancel", names["mp4"])
    wanted = [("png", "waiting"), ("gif", "waiting"), ("mp4", "cancelled")]
    assert [(job["format"], job["state"]) for job in renders(short)] == wanted
    change(short, "go_on", names["mp4"])
    assert [job["format"] for job in renders(short)] == ["png", "gif", "mp4"]
    gate.set()
    finish(short)
    assert states(short) == ["done"] * 3


def test_a_render_that_is_removed_is_gone_with_its_files(short):
    start_render(short, ORDER)
    finish(short)
    (job,) = renders(short)
    change(short, "remove", job["id"])
    assert renders(short) == [] and not Path(job["result"]["path"]).parent.exists()


def test_a_render_that_is_done_is_not_done_again_and_nonsense_is_refused(short):
    start_render(short, ORDER)
    finish(short)
    (job,) = renders(short)
    with pytest.raises(InputError):
        change(short, "go_on", job["id"])
    for does, name in (("cancel", "x"), ("lift", "../x"), ("remove", ""), ("burn", job["id"])):
        with pytest.raises(InputError):
            change(short, does, name)


def test_so_many_renders_wait_and_no_more(short, gate):
    for _ in range(32):
        start_render(short, {**ORDER, "format": "npz"})
    with pytest.raises(InputError, match="under way"):
        start_render(short, ORDER)
    gate.set()
    finish(short)


def test_the_eldest_results_make_room_for_new_ones(short):
    for _ in range(27):
        start_render(short, {**ORDER, "format": "npz"})
        finish(short)
    assert len(renders(short)) == 24 == len(list(short.folder.glob("renders/*/result")))


# --- what is found again ---------------------------------------------------------------------------------------------------


def cut_off(sessions: Sessions, session: Session, autosave: Autosave) -> None:
    """Two renders are ordered; the page goes while the first is being made."""
    autosave.attach(session, KEY)
    apply_edit(session, {"do": "control", "name": "browInnerUp", "value": 0.3})
    apply_edit(session, {"do": "trim", "first": 0, "stop": 30})
    start_render(session, ORDER)
    start_render(session, {**ORDER, "frames": "frame", "frame": 70})
    job = next(iter(session.jobs.values()))
    while job.report()["done"] < 3:
        time.sleep(0.01)
    sessions.close("page")  # as when the server ends: nobody has cancelled the renders


def test_renders_that_were_cut_off_go_on_from_their_finished_frames(sessions, session, tmp_path):
    autosave = Autosave(tmp_path / "kept", sessions)
    cut_off(sessions, session, autosave)
    finished = len(list(session.stage.frames.folder.glob("*.png")))
    fresh = sessions.open("after the crash")
    before = fresh.state
    keep, _ = keep_and_take_up(autosave)
    left = [job for job in keep(fresh, {"key": KEY})["library"]["jobs"] if job["kind"] == "render"]
    assert [job["state"] for job in left] == ["interrupted", "interrupted"] and left[0]["title"] == "Astronaut-Showreel"
    for job in left:
        (Path(job["stamp"]).parent / "result").mkdir()  # as a server leaves it that is killed while it writes
        change(fresh, "go_on", job["id"])
    finish(fresh)
    video = next(job for job in renders(fresh) if job["format"] == "mp4" and job["frames"] == (0, 30))
    assert video["state"] == "done" and probe(video["result"]["path"]).frame_count == 30
    assert finished >= 3 and fresh.state == before
    sessions.close("after the crash")
    again = sessions.open("the next day")
    autosave.attach(again, KEY)
    assert states(again) == ["done", "done"] and all(Path(job["result"]["path"]).is_file() for job in renders(again))


def test_another_browser_and_another_open_page_get_nothing(sessions, session, tmp_path):
    autosave = Autosave(tmp_path / "kept", sessions)
    cut_off(sessions, session, autosave)
    fresh, stranger = sessions.open("after the crash"), sessions.open("another browser")
    autosave.attach(stranger, KEY[::-1])
    assert renders(stranger) == []
    autosave.attach(fresh, KEY)
    second = sessions.open("a second tab")
    autosave.attach(second, KEY)
    assert len(renders(fresh)) == 2 and renders(second) == []
    with pytest.raises(InputError):
        change(second, "go_on", renders(fresh)[0]["id"])


def test_a_page_that_is_loaded_anew_finds_its_results_and_its_work(sessions, session, tmp_path):
    autosave = Autosave(tmp_path / "kept", sessions)
    keep, _ = keep_and_take_up(autosave)
    keep(session, {"key": KEY})
    apply_edit(session, {"do": "trim", "first": 60, "stop": 64})
    start_render(session, ORDER)
    finish(session)
    again = sessions.open("loaded anew")
    reply = keep(again, {"key": KEY, "left": session.token})
    assert states(again) == ["done"] and len(reply["kept"]) == 1
    with pytest.raises(InputError):
        sessions.find(session.token)


def test_what_nobody_wanted_is_not_offered_again(sessions, session, tmp_path):
    autosave = Autosave(tmp_path / "kept", sessions)
    autosave.attach(session, KEY)
    start_render(session, ORDER)
    change(session, "cancel", renders(session)[0]["id"])
    finish(session)
    sessions.close("page")
    fresh = sessions.open("later")
    autosave.attach(fresh, KEY)
    assert renders(fresh) == [] and not list((tmp_path / "kept" / "renders").iterdir())


def test_where_nothing_may_be_kept_renders_go_with_their_page(sessions, short, tmp_path):
    Autosave(None, sessions).attach(short, KEY)
    start_render(short, ORDER)
    finish(short)
    sessions.close("page")
    assert list(tmp_path.iterdir()) == []


# --- the book --------------------------------------------------------------------------------------------------------------


def test_a_book_that_is_damaged_is_put_aside(tmp_path, caplog):
    (tmp_path / "orders.sqlite").write_bytes(b"no data base at all" * 100)
    book = OrderBook(tmp_path / "orders.sqlite", tmp_path / "renders")
    book.write(Placed("a" * 32, "x", {"format": "mp4"}, 0, 4), owner=KEY, page="p")
    assert "put aside" in caplog.text and (tmp_path / "orders.damaged").exists()
    book.folder("a" * 32).mkdir()
    assert [order.id for order in book.claim(owner=KEY, page="q", pages=["q"])] == ["a" * 32]


def test_old_orders_are_forgotten_with_their_files(tmp_path):
    book = OrderBook(tmp_path / "orders.sqlite", tmp_path / "renders")
    for name, placed in (("a" * 32, time.time() - 20 * 86400), ("b" * 32, time.time())):
        book.write(Placed(name, "x", {"format": "mp4"}, 0, 4, placed=placed), owner=KEY, page="p")
        book.folder(name).mkdir()
    book.tidy()
    assert [folder.name for folder in (tmp_path / "renders").iterdir()] == ["b" * 32]
    assert [order.id for order in book.claim(owner=KEY, page="q", pages=[])] == ["b" * 32]


def test_a_book_that_nobody_wrote_in_is_no_file(tmp_path):
    book = OrderBook(tmp_path / "orders.sqlite", tmp_path / "renders")
    assert book.claim(owner=KEY, page="p", pages=[]) == [] and book.paces() == {}
    book.tidy()
    assert list(tmp_path.iterdir()) == []


# --- what is finished, and what it will take --------------------------------------------------------------------------------


def foresee(session: Session, **changes) -> dict:
    return foresee_render(session, {**ORDER, **changes})["foreseen"]


def test_after_one_key_only_the_frames_that_it_moves_are_made_again(session):
    def set_key(frame: int, value: float) -> None:
        session.change(lambda state: with_frame(state, frame, frame_count=240))
        apply_edit(session, {"do": "control", "name": "jawOpen", "value": value})
        apply_edit(session, {"do": "key", "names": ["jawOpen"]})

    for frame, value in ((0, 0.0), (4, 0.2), (8, 0.3), (12, 0.4), (16, 0.1), (20, 0.2)):
        set_key(frame, value)
    apply_edit(session, {"do": "trim", "first": 0, "stop": 22})
    start_render(session, ORDER)
    finish(session)
    before, files = session.frames(session.state, 0, 22), set(session.stage.frames.folder.glob("*.png"))
    assert foresee(session)["done"] == [(0, 22)] and foresee(session)["missing"] == 0
    set_key(16, 0.6)
    after = session.frames(session.state, 0, 22)
    moved = (before.expression != after.expression).any(-1).numpy()
    assert 4 <= moved.sum() <= 12 and moved[16]
    assert foresee(session)["done"] == spans(~moved) and foresee(session)["missing"] == moved.sum()
    start_render(session, ORDER)
    finish(session)
    assert len(set(session.stage.frames.folder.glob("*.png")) - files) == moved.sum()
    assert foresee(session)["done"] == [(0, 22)]


def test_an_estimate_comes_from_what_was_measured_and_what_is_finished(short):
    assert foresee(short)["seconds"] is None
    apply_edit(short, {"do": "control", "name": "jawOpen", "value": 0.11})
    start = time.perf_counter()
    start_render(short, ORDER)
    finish(short)
    took = time.perf_counter() - start
    finished = foresee(short)
    assert finished["missing"] == 0 and 0 < finished["seconds"] < took
    apply_edit(short, {"do": "control", "name": "jawOpen", "value": 0.12})
    again = foresee(short)
    assert again["missing"] == 4 and finished["seconds"] < again["seconds"] < 2 * took
    assert foresee(short, format="webm")["seconds"] is None  # it takes longer to write, and was not measured


def test_what_no_renderer_draws_has_no_finished_frames(short):
    assert foresee(short, format="npz")["done"] == [] and foresee(short, format="npz")["range"] is None


def test_one_frame_is_estimated_alone_while_the_bar_shows_the_range(short):
    start_render(short, {**ORDER, "frames": "frame", "frame": 61})
    finish(short)
    told = foresee(short, frames="frame", frame=61)
    assert (told["count"], told["missing"], told["range"]) == (1, 0, (60, 64))
    assert any(start <= 61 < stop for start, stop in told["done"])
