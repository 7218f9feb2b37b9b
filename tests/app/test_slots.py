"""Two drivers on one shot: the page's edits, undo, projects, and what is heard and offered."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from app.edits import apply_edit
from app.panels.projects import open_project, save_work
from app.panels.sources import take_driver
from app.report import report_studio
from app.sessions import Session, Sessions
from app.stage import Act
from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.motion.clip import Motion
from loki_core.motion.files import write_motion
from loki_core.timeline.state import work_hash
from tests.app.test_projects import uploaded
from tests.app.test_sources import clip, finish, uploads

__all__ = ["uploads"]


def moving(session: Session, ends: dict[str, float], frames: int = 12) -> Motion:
    """From rest to what `ends` says."""
    stage = session.stage
    values = {name: torch.linspace(0, end, frames) for name, end in ends.items()}
    return Motion.of(apply_controls(stage.head, stage.units, stage.head.neutral(), values), fps=Fraction(30), head=stage.head.id)


def put_motion(session: Session, folder: Path, name: str, ends: dict[str, float]) -> dict[str, str]:
    """As if the page had uploaded it."""
    write_motion(folder / f"{name}.npz", moving(session, ends), session.stage.head, session.stage.units)
    return {"path": str(folder / f"{name}.npz"), "name": f"{name}.npz"}


@pytest.fixture
def driven(session: Session) -> Session:
    """On one clip, with a second beside it."""
    session.acts["turning"] = Act("turning", moving(session, {"headYaw": 20.0, "jawOpen": 0.2}), None)
    session.acts["talking"] = Act("talking", moving(session, {"headPitch": 15.0, "mouthSmileLeft": 0.8}), None)
    apply_edit(session, {"do": "motion", "id": "turning"})
    return session


def choose(session: Session, side: str, source: str, name: str = "1") -> None:
    apply_edit(session, {"do": "layer", "op": "slot", "id": name, "side": side, "source": source})


def told(session: Session, place: int = 0) -> dict[str, object]:
    return report_studio(session)["layers"][place]["slots"]


def test_pose_and_expression_come_from_the_chosen_clips_and_undo_goes_back(driven: Session):
    before, alone = driven.state, driven.frames(driven.state, 0, 12)
    assert told(driven) == {"pose": "turning", "expression": "turning", "own": ("pose", "expression")}
    choose(driven, "expression", "talking")
    assert told(driven) == {"pose": "turning", "expression": "talking", "own": ("pose",)}
    both = driven.frames(driven.state, 0, 12)
    apply_edit(driven, {"do": "undo"})
    assert driven.state == before
    apply_edit(driven, {"do": "motion", "id": "talking"})
    other = driven.frames(driven.state, 0, 12)
    assert torch.equal(both.global_orient, alone.global_orient) and torch.equal(both.translation, alone.translation)
    assert torch.equal(both.expression, other.expression) and torch.equal(both.jaw_pose, other.jaw_pose)


def test_two_drivers_are_saved_and_opened_with_the_project(sessions: Sessions, driven: Session):
    choose(driven, "expression", "talking")
    other = sessions.open("other page")
    assert open_project(other, uploaded(Path(save_work(driven, {})["path"])))["found"]
    assert work_hash(other.state) == work_hash(driven.state)
    assert told(other) == told(driven) and set(other.acts) >= {"turning", "talking"}


def test_deleting_the_layer_of_a_slot_empties_it(driven: Session):
    choose(driven, "expression", "talking")
    apply_edit(driven, {"do": "layer", "op": "delete", "id": "2"})
    assert told(driven) == {"pose": "turning", "expression": "", "own": ("pose",)}
    apply_edit(driven, {"do": "undo"})
    assert told(driven)["expression"] == "talking"


def test_the_switch_is_one_step_of_undo(driven: Session):
    choose(driven, "pose", "")
    apply_edit(driven, {"do": "layer", "op": "only", "id": "1", "side": "pose"})
    assert told(driven)["own"] == ("pose",)
    apply_edit(driven, {"do": "undo"})
    assert told(driven)["own"] == ("expression",)


def test_a_second_clip_is_offered_and_changes_nothing_by_itself(session: Session, uploads: Path):
    first, second = (
        put_motion(session, uploads, name, ends) for name, ends in (("a", {"headYaw": 9.0}), ("b", {"jawOpen": 0.5}))
    )
    assert "offered" not in take_driver(session, first)
    before = session.state
    reply = take_driver(session, second)
    assert session.state == before and session.acts[reply["offered"]].name == "b"
    choose(session, "expression", reply["offered"])
    assert told(session)["expression"] == reply["offered"]


def test_a_tracked_clip_is_offered_when_it_is_ready(driven: Session, uploads: Path):
    take_driver(driven, clip(uploads))
    (job,) = finish(driven)["library"]["jobs"]
    assert driven.acts[job["result"]["offered"]].name == "driver" and driven.act(driven.state) is driven.acts["turning"]


def test_a_borrowed_expression_is_no_clip_beside_which_another_is_offered(session: Session, uploads: Path):
    session.acts["face"] = Act("face", moving(session, {"jawOpen": 0.4}, frames=1), None)
    apply_edit(session, {"do": "layer", "op": "add", "source": "face"})
    reply = take_driver(session, put_motion(session, uploads, "a", {"headYaw": 9.0}))
    assert "offered" not in reply and reply["studio"]["layers"][0]["name"] == "a"


@pytest.mark.parametrize(
    "edit",
    [
        {"id": "1", "side": "hair", "source": "talking"},
        {"id": "1", "side": "pose", "source": "someone else's"},
        {"id": "99", "side": "pose", "source": "talking"},
        {"id": "1", "side": "pose"},
    ],
)
def test_nonsense_in_a_slot_is_refused(driven: Session, edit: dict[str, object]):
    before = driven.history
    with pytest.raises(InputError):
        apply_edit(driven, {"do": "layer", "op": "slot", **edit})
    assert driven.history == before


def test_neither_pose_nor_expression_is_refused_in_words(driven: Session):
    choose(driven, "pose", "")
    with pytest.raises(InputError, match="delete the layer instead"):
        choose(driven, "expression", "")
