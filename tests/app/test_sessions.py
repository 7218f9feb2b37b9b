from __future__ import annotations

import threading
import time

import pytest

from app.edits import apply_edit
from app.server import Binder
from app.words import say
from loki_core.errors import InputError
from loki_core.render.base import Cancelled
from loki_core.timeline.state import values_at_playhead


def test_a_token_leads_to_its_own_session_only(sessions):
    one, other = sessions.open("a"), sessions.open("b")
    assert one.token != other.token and one.folder != other.folder
    assert sessions.find(one.token) is one and sessions.find(other.token) is other


@pytest.mark.parametrize("token", ["", "guess", None, 7, {"a": 1}])
def test_a_guess_finds_nothing(sessions, token):
    sessions.open("a")
    with pytest.raises(InputError, match="ended"):
        sessions.find(token)


def test_an_edit_in_one_session_leaves_the_others_alone(sessions):
    one, other = sessions.open("a"), sessions.open("b")
    apply_edit(one, {"do": "control", "name": "jawOpen", "value": 0.5})
    assert values_at_playhead(one.state).get("jawOpen", 0) == 0.5 and values_at_playhead(other.state).get("jawOpen", 0) == 0


def test_a_closed_session_leaves_no_files_and_cannot_be_found(sessions):
    session = sessions.open("a")
    (session.folder / "upload.png").write_bytes(b"x")
    sessions.close("a")
    assert not session.folder.exists()
    with pytest.raises(InputError):
        sessions.find(session.token)


def test_closing_an_unknown_page_is_no_error(sessions):
    sessions.close("nobody")


def test_only_so_many_pages_may_be_open(sessions, tmp_path):
    for page in "abc":
        sessions.open(page)
    with pytest.raises(InputError, match="too many pages"):
        sessions.open("d")
    assert len(list(tmp_path.iterdir())) == 3
    sessions.close("a")
    sessions.open("d")


def test_closing_stops_the_jobs_and_waits_for_them(sessions):
    session = sessions.open("a")
    started, ended = threading.Event(), []

    def work(progress, cancelled):
        started.set()
        while not cancelled():
            time.sleep(0.01)
        ended.append(session.folder.exists())
        raise Cancelled

    session.start("render", "endless", work)
    started.wait()
    sessions.close("a")
    assert ended == [True]


def test_the_binder_answers_only_to_a_token(sessions, session):
    answer = Binder(sessions)(lambda found, request: {"same": found is session})
    assert answer({"token": session.token}) == {"same": True}
    assert answer({"token": "guess"}) == {"error": say("ended")}
    assert answer({}) == {"error": say("ended")}
    assert answer("nonsense") == {"error": say("bad_request")}


def test_a_fault_of_ours_is_told_without_its_insides(sessions, session):
    def handle(found, request):
        raise RuntimeError("/secret/path")

    assert Binder(sessions)(handle)({"token": session.token}) == {"error": say("our_fault")}


def test_what_the_user_can_mend_is_told_as_a_sentence(sessions, session):
    def handle(found, request):
        raise InputError("expected a face, got none")

    assert Binder(sessions)(handle)({"token": session.token}) == {"error": "Expected a face, got none."}


def test_a_page_may_have_only_so_many_jobs_under_way(session):
    gate = threading.Event()
    for _ in range(4):
        session.start("render", "waits", lambda progress, cancelled: {"waited": gate.wait()})
    with pytest.raises(InputError, match="under way"):
        session.start("render", "one more", lambda progress, cancelled: {})
    gate.set()
    for job in session.jobs.values():
        job.wait()
    session.start("render", "one more", lambda progress, cancelled: {})


def test_only_the_last_results_are_kept(session):
    names = iter("abcdefghijkl")

    def work(progress, cancelled):
        folder = session.folder / next(names)
        folder.mkdir()
        return {"path": str(folder / "out.mp4")}

    for _ in range(12):
        session.start("render", "short", work)
        list(session.jobs.values())[-1].wait()
    assert len(session.jobs) == 9 == len(list(session.folder.iterdir()))
