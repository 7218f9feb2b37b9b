"""What the expressions tab asks of the server: faces put on, mixed, recorded, saved and kept."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from app.edits import apply_edit
from app.example import furnish
from app.panels.expressions import thumbnails
from app.panels.projects import open_project, save_work
from app.report import report_studio
from app.sessions import Session, Sessions
from app.stage import Sitter, Stage
from loki_core.errors import InputError
from loki_core.head.model import pose_vertices
from loki_core.project.document import read_project
from loki_core.timeline.layers import hand_values
from loki_core.timeline.state import hand_layer, values_at_playhead, with_frame
from tests.app.pages import decode

CORNERS = ["neutral", "smile", "anger", ""]


@pytest.fixture
def own_stage(stage: Stage, tmp_path: Path) -> Stage:
    """A studio that keeps own expressions."""
    return replace(stage, own=tmp_path / "expressions")


def opened(stage: Stage, astronaut: Sitter, folder: Path) -> Session:
    folder.mkdir()
    return Sessions(stage, folder, partial(furnish, astronaut)).open("page")


def save(session: Session, label: str = "Wry, left") -> str:
    apply_edit(session, {"do": "own", "op": "save", "label": label})
    return session.state.expressions[0].name


def go(session: Session, frame: int) -> None:
    session.change(lambda state: with_frame(state, frame, frame_count=session.frame_count(state)))


def test_an_expression_goes_as_far_and_where_the_page_says(session: Session):
    smile = dict(session.stage.expressions["smile"].values)
    apply_edit(session, {"do": "expression", "name": "smile", "strength": 0.5, "regions": ["mouth"]})
    got = values_at_playhead(session.state)
    assert got and all(name.startswith("mouth") and value == pytest.approx(smile[name] / 2) for name, value in got.items())


def test_the_saved_face_looks_as_it_did_with_all_layers(session: Session):
    go(session, 100)
    apply_edit(session, {"do": "control", "name": "jawOpen", "value": 0.3})
    apply_edit(session, {"do": "layer", "op": "add", "source": ""})
    apply_edit(session, {"do": "control", "name": "browInnerUp", "value": 0.6})
    seen = session.frames(session.state, 100, 101)
    name = save(session)
    apply_edit(session, {"do": "motion", "id": ""})
    for layer in list(session.state.layers):
        apply_edit(session, {"do": "layer", "op": "delete", "id": layer.id})
    apply_edit(session, {"do": "expression", "name": name})
    again = session.frames(session.state, 0, 1)
    seen_at, again_at = (pose_vertices(session.stage.head, params) for params in (seen, again))
    assert (again_at - seen_at).norm(dim=-1).max() < 0.002, "metres"


def test_an_own_expression_is_told_renamed_deleted_and_brought_back(session: Session):
    apply_edit(session, {"do": "control", "name": "jawOpen", "value": 0.5})
    before = report_studio(session)["hash"]
    name = save(session)
    told = {"name": name, "label": "Wry", "tags": ("left",)}
    assert report_studio(session)["expressions"] == [told]
    assert report_studio(session)["hash"] == before, "no picture of the work has changed"
    apply_edit(session, {"do": "own", "op": "rename", "name": name, "label": "Dry"})
    assert report_studio(session)["expressions"] == [{**told, "label": "Dry"}]
    apply_edit(session, {"do": "own", "op": "delete", "name": name})
    assert report_studio(session)["expressions"] == []
    apply_edit(session, {"do": "undo"})
    apply_edit(session, {"do": "undo"})
    assert report_studio(session)["expressions"] == [told]


def test_own_expressions_have_pictures_of_their_own(session: Session):
    apply_edit(session, {"do": "control", "name": "jawOpen", "value": 1.0})
    name = save(session)
    pictures = thumbnails(session, {"portrait": session.state.portrait, "names": [name, "neutral"]})["pictures"]
    own, neutral = (decode(pictures[each]).astype(int) for each in (name, "neutral"))
    assert own.shape == neutral.shape and min(own.shape[:2]) >= 140 and np.abs(own - neutral).max() > 60


def test_own_expressions_travel_with_the_project_and_join_those_that_are_here(session: Session, sessions: Sessions):
    name = save(session, "Wry")
    reply = save_work(session, {})
    project = read_project(Path(reply["path"]), session.stage.head.id)
    assert [own.name for own in project.state.expressions] == [name]
    other = sessions.open("other page")
    mine = save(other, "Dry")
    file = other.folder / "came.loki"
    file.write_bytes(Path(reply["path"]).read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.material.get_upload_folder", lambda: str(other.folder))
        assert open_project(other, {"path": str(file), "name": "came.loki"})["found"]
    assert [own.name for own in other.state.expressions] == [name, mine]
    apply_edit(other, {"do": "undo"})
    assert [own.name for own in other.state.expressions] == [mine]


def test_own_expressions_outlive_the_session_where_they_are_kept(own_stage: Stage, astronaut: Sitter, tmp_path: Path):
    first = opened(own_stage, astronaut, tmp_path / "first")
    name, gone = save(first, "Wry"), save(first, "Gone")
    apply_edit(first, {"do": "own", "op": "delete", "name": gone})
    (tmp_path / "expressions" / "own-bad.json").write_text(json.dumps({"name": "own-bad", "label": "x", "tags": []}))
    again = opened(own_stage, astronaut, tmp_path / "again")
    assert [(own.name, own.label) for own in again.state.expressions] == [(name, "Wry")]
    assert not report_studio(again)["can_undo"]
    apply_edit(first, {"do": "undo"})
    assert (tmp_path / "expressions" / f"{gone}.json").is_file()
    apply_edit(again, {"do": "own", "op": "rename", "name": name, "label": "Dry"})
    third = opened(own_stage, astronaut, tmp_path / "third")
    assert {own.label for own in third.state.expressions} == {"Dry", "Gone"}


def test_nothing_is_kept_where_no_folder_is_given(session: Session, tmp_path: Path):
    save(session)
    assert session.stage.own is None and not list(tmp_path.rglob("own-*.json"))


def test_a_mixture_follows_the_dot_and_one_drag_is_one_step(session: Session):
    apply_edit(session, {"do": "control", "name": "headYaw", "value": 9})
    before = session.state
    for x in (0.25, 0.5, 1.0):
        apply_edit(session, {"do": "mix", "corners": CORNERS, "x": x, "y": 0, "gesture": "g1"})
    now = values_at_playhead(session.state)
    assert {**now} == pytest.approx({**dict(session.stage.expressions["smile"].values), "headYaw": 9})
    apply_edit(session, {"do": "undo"})
    assert session.state == before


def test_a_recording_becomes_keys_in_one_step_with_what_was_seen_meanwhile(session: Session):
    before = session.state
    played = range(10, 31, 4)
    moves = [[frame, (frame - 10) / 20, 0.0] for frame in played]
    for frame, (_, x, y) in zip(played, moves, strict=True):
        go(session, frame)
        apply_edit(session, {"do": "mix", "corners": CORNERS, "x": x, "y": y, "gesture": "take"})
    apply_edit(session, {"do": "mix_record", "corners": CORNERS, "moves": moves, "gesture": "take"})
    smile = dict(session.stage.expressions["smile"].values)
    layer, frames = hand_layer(session.state), np.arange(10, 31, dtype=float)
    values = hand_values(layer, frames)
    for name, value in smile.items():
        assert np.abs(values[name] - value * (frames - 10) / 20).max() <= 0.011
    assert sum(len(curve.keys) for _, curve in layer.tracks.curves) < 6 * len(layer.tracks.curves)
    apply_edit(session, {"do": "undo"})
    assert replace(session.state, look=before.look) == before


NONSENSE = [
    {"do": "expression", "name": "smile", "strength": 2},
    {"do": "expression", "name": "smile", "strength": None},
    {"do": "expression", "name": "smile", "regions": ["hair"]},
    {"do": "expression", "name": "smile", "regions": [["mouth"]]},
    {"do": "expression", "name": "own-none"},
    {"do": "own"},
    {"do": "own", "op": "save", "label": "  "},
    {"do": "own", "op": "save", "label": "x" * 61},
    {"do": "own", "op": "save", "label": "a\nb"},
    {"do": "own", "op": "rename", "name": "smile", "label": "Mine"},
    {"do": "own", "op": "delete", "name": "smile"},
    {"do": "own", "op": "__class__"},
    {"do": "mix", "corners": CORNERS, "x": 2, "y": 0},
    {"do": "mix", "corners": CORNERS[:3], "x": 0, "y": 0},
    {"do": "mix", "corners": ["smile", 1, "", ""], "x": 0, "y": 0},
    {"do": "mix", "corners": ["gone", "", "", ""], "x": 0, "y": 0},
    {"do": "mix_record", "corners": CORNERS, "moves": []},
    {"do": "mix_record", "corners": CORNERS, "moves": "all"},
    {"do": "mix_record", "corners": CORNERS, "moves": [[0, 0]]},
    {"do": "mix_record", "corners": CORNERS, "moves": [[-1, 0, 0]]},
    {"do": "mix_record", "corners": CORNERS, "moves": [[0.5, 0, 0]]},
    {"do": "mix_record", "corners": CORNERS, "moves": [[0, 0, 0], [10**5, 0, 0]]},
    {"do": "mix_record", "corners": CORNERS, "moves": [[10**9, 0, 0]]},
]


@pytest.mark.parametrize("edit", NONSENSE)
def test_nonsense_is_refused_and_changes_nothing(session: Session, edit: dict[str, object]):
    before = session.history
    with pytest.raises(InputError):
        apply_edit(session, edit)
    assert session.history == before
