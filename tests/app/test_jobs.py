from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.jobs import Job
from app.words import say
from loki_core.errors import InputError
from loki_core.render.base import Cancelled


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_a_job_reports_its_progress_and_its_result(executor):
    reached, go_on = threading.Event(), threading.Event()

    def work(progress, cancelled):
        progress(1, 4)
        reached.set()
        go_on.wait()
        return {"name": "a.mp4"}

    job = Job("render", "Rendering", work, executor)
    reached.wait()
    running = job.report()
    assert (running["state"], running["done"], running["total"]) == ("running", 1, 4) and running["left"] >= 0
    go_on.set()
    job.wait()
    assert job.report()["state"] == "done" and job.report()["result"] == {"name": "a.mp4"}


def test_a_cancelled_job_says_so(executor):
    started = threading.Event()

    def work(progress, cancelled):
        started.set()
        while not cancelled():
            pass
        raise Cancelled

    job = Job("track", "Tracking", work, executor)
    started.wait()
    job.cancel()
    job.wait()
    assert job.report()["state"] == "cancelled"


def test_a_job_that_is_cancelled_while_it_waits_never_starts(executor):
    gate = threading.Event()
    first = Job("render", "first", lambda progress, cancelled: {"waited": gate.wait()}, executor)
    ran = threading.Event()

    def run(progress: object, cancelled: object) -> dict[str, object]:
        ran.set()
        return {}

    second = Job("render", "second", run, executor)
    assert second.report()["state"] == "waiting"
    second.cancel()
    gate.set()
    first.wait()
    second.wait()
    assert second.report()["state"] == "cancelled" and not ran.is_set()


@pytest.mark.parametrize(
    ("error", "words"),
    [(InputError("expected a face, got none"), "Expected a face, got none."), (KeyError("x"), say("our_fault"))],
)
def test_a_failed_job_says_why_in_words(executor, error, words):
    def work(progress, cancelled):
        raise error

    job = Job("track", "Tracking", work, executor)
    job.wait()
    assert job.report()["state"] == "failed" and job.report()["error"] == words
