"""Templates to begin with, and projects that were saved or opened last."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.panels.works import load_templates, work_handlers
from app.recent import Recent
from app.sessions import Session
from app.words import say
from loki_core.errors import InputError
from loki_core.timeline.state import with_control
from tests.app.pages import decode

KEY, OTHER = "0" * 32, "1" * 32


def opened(session: Session, share: float) -> None:
    session.change(lambda state: with_control(state, "jawOpen", share))


def test_a_template_keeps_the_portrait_and_is_one_step_of_undo(session: Session):
    begin, *_ = work_handlers(load_templates(session.stage), Recent(None))
    portrait, before = session.state.portrait, len(session.history.past)
    reply = begin(session, {"name": "blank"})
    assert session.state.portrait == portrait and session.state.look.autokey
    assert len(session.history.past) == before + 1 and reply["studio"]["frame_count"] == 150
    with pytest.raises(InputError):
        begin(session, {"name": "none"})


def test_every_template_can_be_drawn_to_its_end(session: Session):
    templates = load_templates(session.stage)
    begin, *_ = work_handlers(templates, Recent(None))
    for name in templates:
        begin(session, {"name": name})
        count = session.frame_count(session.state)
        assert session.state.trim is None or session.state.trim[1] <= count
        assert session.frames(session.state, count - 1, count).expression.isfinite().all()


def test_a_recent_project_comes_back_whole_with_its_picture(session: Session, tmp_path: Path):
    _, keep, works, take = work_handlers({}, Recent(tmp_path))
    session.change(lambda state: with_control(state, "jawOpen", 0.5))
    wanted = session.state.layers
    keep(session, {"key": KEY, "name": "Mine"})
    session.change(lambda state: with_control(state, "jawOpen", 0.0))
    (found,) = works(session, {"key": KEY})["works"]
    assert found["name"] == "Mine" and found["minutes"] == 0 and min(decode(found["picture"]).shape[:2]) >= 100
    take(session, {"key": KEY, "id": found["id"]})
    assert session.state.layers == wanted


def test_saving_again_replaces_and_another_name_adds(session: Session, tmp_path: Path):
    _, keep, works, _ = work_handlers({}, Recent(tmp_path))
    for name, value in (("a", 0.1), ("a", 0.2), ("b", 0.3)):
        opened(session, value)
        keep(session, {"key": KEY, "name": name})
    assert sorted(work["name"] for work in works(session, {"key": KEY})["works"]) == ["a", "b"]
    for number in range(10):
        opened(session, number / 20)
        keep(session, {"key": KEY, "name": f"c{number}"})
    assert len(works(session, {"key": KEY})["works"]) == 8


def test_no_browser_sees_another_s_and_a_shared_machine_keeps_none(session: Session, tmp_path: Path):
    _, keep, works, take = work_handlers({}, Recent(tmp_path))
    keep(session, {"key": KEY, "name": "Mine"})
    (found,) = works(session, {"key": KEY})["works"]
    assert works(session, {"key": OTHER})["works"] == []
    with pytest.raises(InputError, match=say("works_gone")):
        take(session, {"key": OTHER, "id": found["id"]})
    for key in ("", "../" + KEY, KEY + "/.."):
        with pytest.raises(InputError):
            works(session, {"key": key})
    _, keep_none, none, _ = work_handlers({}, Recent(None))
    keep_none(session, {"key": KEY, "name": "Mine"})
    assert none(session, {"key": KEY})["works"] == []


def test_damaged_notes_are_passed_over(session: Session, tmp_path: Path):
    _, keep, works, _ = work_handlers({}, Recent(tmp_path))
    keep(session, {"key": KEY, "name": "Mine"})
    for name, text in (("x", "{"), ("y", "[]"), ("z", '{"name": 1}')):
        (tmp_path / KEY / f"{name}.json").write_text(text)
    assert [work["name"] for work in works(session, {"key": KEY})["works"]] == ["Mine"]
