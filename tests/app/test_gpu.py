"""Drawing through a loan gives what drawing gives."""

from __future__ import annotations

import numpy as np
import pytest

from app.gpu import Borrowing, borrow_gpu, draw_with, gpu_seconds, worth_a_loan
from loki_core.render.base import Cancelled


def test_a_loan_is_as_long_as_its_frames_need_and_never_too_long():
    assert gpu_seconds(0) < gpu_seconds(20) < gpu_seconds(100) <= gpu_seconds(10**6) == 120


def test_a_loan_is_for_networks_that_no_clip_drives():
    assert worth_a_loan(("loki", ())) and worth_a_loan(("dex", (("told", "warp"),)))
    assert not any(worth_a_loan(choice) for choice in (("warp", ()), ("lia-x", ()), ("dex", (("told", "clip"),))))


def test_where_no_gpu_is_lent_none_is_borrowed(stage, monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert borrow_gpu(stage.renderers) is None


def test_what_is_drawn_through_a_loan_is_the_same(stage, session):
    portrait, frames = session.sitters["example"].live.portrait, session.frames(session.state, 60, 63)
    renderer = stage.renderers.get("warp")
    borrowing = Borrowing(renderer, ("warp", ()), draw_with(stage.renderers))
    wanted = list(renderer.render(renderer.prepare(portrait), frames))
    done: list[int] = []
    drawn = borrowing.render(borrowing.prepare(portrait), frames, progress=lambda at, total: done.append(at))
    assert all(np.array_equal(a, b) for a, b in zip(drawn, wanted, strict=True)) and done == [1, 2, 3]
    (second,) = borrowing.render_part(portrait, frames, range(1, 2))
    assert np.array_equal(second, next(renderer.render(renderer.prepare(portrait), frames[1:2])))
    with pytest.raises(Cancelled):
        next(borrowing.render(portrait, frames, cancelled=lambda: True))
