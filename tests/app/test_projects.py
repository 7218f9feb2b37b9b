"""Work saved, opened, carried inside what it made, and kept against loss."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from gradio.utils import get_upload_folder

from app.autosave import Autosave
from app.edits import apply_edit
from app.panels.projects import keep_and_take_up, open_project, save_work
from app.sessions import Session, Sessions
from loki_core.errors import InputError
from loki_core.timeline.state import work_hash
from tests.app.test_render import render

KEY = "0123456789abcdef" * 2


@pytest.fixture
def edited(session: Session) -> Session:
    """Layers, keys and a range."""
    for edit in (
        {"do": "control", "name": "jawOpen", "value": 0.4},
        {"do": "key", "names": ["headYaw"]},
        {"do": "layer", "op": "add", "source": "nod"},
        {"do": "layer", "op": "weight", "id": "2", "value": 0.5},
        {"do": "trim", "first": 3, "stop": 5},
    ):
        apply_edit(session, edit)
    return session


def uploaded(file: Path) -> dict[str, object]:
    """As if the page had uploaded a copy."""
    folder = Path(get_upload_folder()) / f"test-{file.stem}"
    folder.mkdir(parents=True, exist_ok=True)
    return {"path": shutil.copy(file, folder), "name": file.name}


def test_what_was_saved_opens_again_as_one_step_of_undo(sessions: Sessions, edited: Session):
    other = sessions.open("other page")
    before = work_hash(other.state)
    reply = open_project(other, uploaded(Path(save_work(edited, {})["path"])))
    assert reply["found"] and work_hash(other.state) == work_hash(edited.state)
    assert other.frames(other.state, 0, 9).expression.allclose(edited.frames(edited.state, 0, 9).expression, atol=1e-5)
    apply_edit(other, {"do": "undo"})
    assert work_hash(other.state) == before


@pytest.mark.parametrize("order", [{"format": "mp4"}, {"format": "png", "frames": "frame", "frame": 4}])
def test_what_was_rendered_brings_its_work_back(sessions: Sessions, edited: Session, order: dict[str, object]):
    file = Path(render(edited, project=True, **order)["result"]["path"])
    other = sessions.open("other page")
    assert open_project(other, uploaded(file))["found"] and work_hash(other.state) == work_hash(edited.state)


def test_a_picture_without_a_project_is_none_and_a_damaged_one_changes_nothing(session: Session, edited: Session, tmp_path: Path):
    picture = Path(render(edited, format="png", frames="frame", frame=4)["result"]["path"])
    assert open_project(session, uploaded(picture)) == {"found": False}
    whole = Path(save_work(edited, {})["path"]).read_bytes()
    before = session.state
    for name, data in {"cut": whole[: len(whole) // 2], "no zip": b"hello", "empty": b""}.items():
        file = tmp_path / f"{name}.loki"
        file.write_bytes(data)
        with pytest.raises(InputError):
            open_project(session, uploaded(file))
    assert session.state == before


def test_a_killed_servers_work_is_taken_up_by_its_own_browser_alone(sessions: Sessions, edited: Session, tmp_path: Path):
    autosave = Autosave(tmp_path / "kept", sessions)
    keep, take_up = keep_and_take_up(autosave)
    assert keep(edited, {"key": KEY})["kept"] == []
    apply_edit(edited, {"do": "control", "name": "browInnerUp", "value": 0.7})
    autosave.save_all()
    assert autosave.attach(sessions.open("a second tab"), KEY) == []  # open: nothing is lost
    wanted = work_hash(edited.state)
    sessions.close("page")
    fresh = sessions.open("after the crash")
    assert keep(fresh, {"key": KEY[::-1]})["kept"] == []
    (found,) = keep(fresh, {"key": KEY})["kept"]
    take_up(fresh, {"key": KEY, "id": found["id"]})
    assert work_hash(fresh.state) == wanted


def test_untouched_work_is_not_kept_and_nonsense_is_refused(sessions: Sessions, session: Session, tmp_path: Path):
    autosave = Autosave(tmp_path / "kept", sessions)
    autosave.attach(session, KEY)
    autosave.save_all()
    assert not (tmp_path / "kept").exists()
    for key, name in (("../etc", "x"), (KEY, "../.."), (KEY, "x")):
        with pytest.raises(InputError):
            autosave.take_up(key, name, session.stage.head.id)
    with pytest.raises(InputError):
        autosave.attach(session, "x" * 32)


def test_where_nothing_may_be_kept_nothing_is(sessions: Sessions, edited: Session):
    autosave = Autosave(None, sessions)
    assert autosave.attach(edited, KEY) == []
    autosave.save_all()
    assert edited.kept_in is None
