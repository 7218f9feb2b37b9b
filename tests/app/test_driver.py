from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio.utils import get_upload_folder
from skimage import data

from app.borrow import face_strengths
from app.borrowed import BORROWED_REGIONS
from app.edits import apply_edit
from app.material import track_act
from app.panels.driver import driver_strip
from app.panels.sources import take_driver, take_expression
from app.panels.viewport import look
from app.projects import open_in, project_of
from app.sessions import Session
from app.stage import Act, Stage
from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.controls import ARKIT_UNITS, control
from loki_core.head.params import FlameParams
from loki_core.media.picture import write_picture
from loki_core.media.video_out import open_writer
from loki_core.motion.clean import Cleaning, PartFilter
from loki_core.motion.clip import Motion
from loki_core.project.document import project_from_bytes, project_to_bytes
from loki_core.timeline.state import StudioState, motion_layer, with_motion
from tests.app.pages import decode

FACE = data.astronaut()[:320, 60:380]
FRAMES, LOST = 36, range(18, 26)


def write_clip(path: Path, frames: int = FRAMES) -> None:
    """A face that sways, and is gone for a while."""
    with open_writer(path, Fraction(25), FACE.shape[:2]) as writer:
        for frame in range(frames):
            picture = np.roll(FACE, round(10 * np.sin(frame / 3)), axis=1)
            writer.write(np.full_like(FACE, 110) if frame in LOST else picture)


@pytest.fixture(scope="module")
def tracked(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Act]:
    clip = tmp_path_factory.mktemp("clip") / "driver.mp4"
    write_clip(clip)
    return track_act(stage, clip, "driver.mp4", None, lambda done, total: None, lambda: False)


@pytest.fixture
def driven(session: Session, tracked: tuple[str, Act]) -> Session:
    """A session whose portrait follows the clip."""
    key, act = tracked
    session.acts[key] = act
    session.change(lambda state: with_motion(state, key, act.name, Fraction(25)))
    return session


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    assert Path(get_upload_folder()) == folder
    return folder


def layer_of(session: Session):
    layer = motion_layer(session.state)
    assert layer is not None
    return layer


def edit(session: Session, op: str, **values: object) -> None:
    apply_edit(session, {"do": "driver", "op": op, "id": layer_of(session).id, **values})


def strip(session: Session, channel: str = "headYaw") -> dict:
    return driver_strip(session, {"id": layer_of(session).id, "channel": channel})


def shown(session: Session) -> FlameParams:
    return session.frames(session.state, 0, FRAMES)


def test_the_strip_tells_of_every_frame_and_of_those_without_a_face(driven):
    reply = strip(driven)
    assert reply["frames"] == FRAMES and reply["every"] == 1 and reply["fps"] == 25
    for values in (reply["before"], reply["after"], *reply["tracked"].values(), *reply["cleaned"].values()):
        assert len(values) == FRAMES
    (first, stop) = reply["lost"][0]
    assert len(reply["lost"]) == 1 and first in (18, 19) and stop in (26, 27, 28, 29, 30)
    assert reply["before"] == reply["after"] and reply["outliers_left"] == len(reply["outliers"])
    assert max(reply["tracked"]["head"]) > 0 and reply["unit"] == "degrees"


def test_the_neutral_frame_is_shown_as_the_clip_showed_it(driven):
    reply = strip(driven)
    picture = decode(reply["picture"])
    assert reply["neutral_found"] and reply["neutral"] not in LOST
    assert picture.shape == (72, 72, 3)
    middle = FACE[60:200, 100:240].reshape(-1, 3).mean(0)
    assert np.abs(picture[20:50, 20:50].reshape(-1, 3).mean(0) - middle).max() < 60


def test_long_clips_are_told_by_the_largest_change_of_each_column(driven, stage):
    frames = stage.head.neutral((1500,))
    frames.global_orient[700:, 1] = 0.3
    motion = Motion.of(frames, fps=Fraction(25), head=stage.head.id)
    driven.acts["long"] = Act("Long", motion, None)
    driven.change(lambda state: with_motion(state, "long", "Long", Fraction(25)))
    reply = strip(driven)
    assert reply["every"] == 3 and len(reply["before"]) == len(reply["tracked"]["head"]) == 500
    assert reply["tracked"]["head"][700 // 3] == pytest.approx(np.degrees(0.3), abs=0.01)


def test_a_motion_without_a_clip_is_drawn(driven, stage):
    frames = apply_controls(stage.head, stage.units, stage.head.neutral(), {"jawOpen": torch.linspace(0.8, 0, 20)})
    driven.acts["typed"] = Act("Typed", Motion.of(frames, fps=Fraction(30), head=stage.head.id), None)
    driven.change(lambda state: with_motion(state, "typed", "Typed"))
    picture = decode(strip(driven)["picture"])
    assert picture.shape == (72, 72, 3) and picture.std() > 10


def test_smoothing_calms_the_portrait_and_is_one_step_of_undo(driven):
    before, start = shown(driven), driven.state
    for window in (0.4, 0.8):
        edit(driven, "filter", part="head", method="savgol", window=window, gesture="g1")
    after = shown(driven)
    assert after.global_orient.diff(dim=0).norm() < before.global_orient.diff(dim=0).norm()
    assert after.expression.equal(before.expression)
    assert layer_of(driven).cleaning == Cleaning(head=PartFilter("savgol", 0.8))
    assert strip(driven)["after"] != strip(driven)["before"]
    apply_edit(driven, {"do": "undo"})
    assert driven.state == start and shown(driven).global_orient.equal(before.global_orient)


def test_the_picture_follows_the_cleaning(driven):
    before = look(driven, {"edits": [], "frame": 20, "view": "map"})["picture"]
    neutral = {"do": "driver", "op": "option", "id": layer_of(driven).id, "name": "lost", "value": "neutral"}
    assert look(driven, {"edits": [neutral], "frame": 20, "view": "map"})["picture"] != before


def test_cleaning_and_neutral_come_back_with_the_project(driven, sessions):
    edit(driven, "filter", part="gaze", method="one_euro", window=0.6)
    edit(driven, "option", name="protect_blinks", value=False)
    edit(driven, "option", name="mend_outliers", value=True)
    edit(driven, "option", name="lost", value="hold")
    edit(driven, "neutral", frame=3)
    saved = project_to_bytes(project_of(driven, driven.state))
    other = sessions.open("another")
    open_in(other, project_from_bytes(saved, driven.stage.head.id, "work"))
    assert (
        layer_of(other).cleaning
        == layer_of(driven).cleaning
        == Cleaning(gaze=PartFilter("one_euro", 0.6), protect_blinks=False, mend_outliers=True, lost="hold")
    )
    assert layer_of(other).retarget.neutral == 3
    assert decode(strip(other)["picture"]).std() > 10  # drawn: the clip itself stays behind


def test_the_neutral_frame_is_chosen_at_the_playhead_and_found_again(driven):
    found, before = strip(driven)["neutral"], shown(driven)
    edit(driven, "cut", **{"from": 2, "to": FRAMES})
    edit(driven, "neutral", frame=5)
    assert layer_of(driven).retarget.neutral == 7 and not strip(driven)["neutral_found"]
    edit(driven, "cut", **{"from": 0, "to": FRAMES})
    assert not shown(driven).expression.equal(before.expression)
    edit(driven, "neutral", frame=None)
    assert strip(driven)["neutral"] == found and shown(driven).expression.equal(before.expression)


def test_a_frame_without_a_face_cannot_be_neutral(driven):
    start = driven.history
    with pytest.raises(InputError, match="in which none was found"):
        edit(driven, "neutral", frame=22)
    assert driven.history == start


def test_another_motion_finds_its_own_neutral_frame(driven, tracked):
    edit(driven, "neutral", frame=30)
    driven.change(lambda state: with_motion(state, "nod", "Nod"))
    assert layer_of(driven).retarget.neutral is None


def test_a_clip_is_cut_where_it_lies(driven):
    edit(driven, "cut", **{"from": 10, "to": 30})
    layer = layer_of(driven)
    assert (layer.first, layer.offset, layer.stop) == (0, 10, 20) and driven.frame_count(driven.state) == 20
    edit(driven, "cut", **{"from": 10, "to": FRAMES})
    assert layer_of(driven).stop is None and driven.frame_count(driven.state) == FRAMES - 10
    with pytest.raises(InputError, match="expected a part"):
        edit(driven, "cut", **{"from": 12, "to": 12})


@pytest.mark.parametrize(
    ("op", "values"),
    [
        ("filter", {"part": "hair", "method": "savgol", "window": 0.4}),
        ("filter", {"part": "head", "method": "magic", "window": 0.4}),
        ("filter", {"part": "head", "method": "savgol", "window": 9}),
        ("option", {"name": "lost", "value": "guess"}),
        ("option", {"name": "protect_blinks", "value": 1}),
        ("option", {"name": "head", "value": True}),
        ("neutral", {"frame": 0.5}),
        ("dance", {}),
    ],
)
def test_what_makes_no_sense_is_refused(driven, op, values):
    start = driven.history
    with pytest.raises(InputError):
        edit(driven, op, **values)
    assert driven.history == start


def test_a_layer_that_shows_no_clip_has_no_strip(session):
    for name in (layer_of(session).id, "hand", "gone"):
        with pytest.raises(InputError, match="does not understand"):
            driver_strip(session, {"id": name, "channel": "headYaw"})


# --- borrowed expressions --------------------------------------------------------------------------------------------


@pytest.fixture
def borrowed(session: Session, uploads: Path) -> dict:
    write_picture(uploads / "smile.png", FACE)
    return take_expression(session, {"path": str(uploads / "smile.png"), "name": "smile.png"})["borrowed"]


def lent(session: Session, borrowed: dict, **values: float) -> StudioState:
    """Other values in the place of what the picture shows; the state before anything is done with them."""
    found = session.borrowed[borrowed["id"]]
    session.borrowed[borrowed["id"]] = replace(found, values=values)
    return session.state


def borrow(session: Session, op: str, name: str, share: float, *regions: str) -> None:
    apply_edit(session, {"do": "driver", "op": op, "source": name, "share": share, "regions": list(regions)})


def test_an_expression_is_borrowed_as_controls_within_their_ranges(session, borrowed):
    assert borrowed["name"] == "smile" and decode(borrowed["picture"]).shape == (72, 72, 3)
    values = session.borrowed[borrowed["id"]].values
    assert values["mouthSmileLeft"] > 0.3 and values["mouthSmileRight"] > 0.3
    for name, value in values.items():
        assert control(name).minimum <= value <= control(name).maximum and control(name).group != "neck"


def test_it_is_put_on_the_face_by_share_and_region_in_one_step(session, borrowed):
    start = lent(session, borrowed, mouthFunnel=0.8, jawOpen=0.5)
    apply_edit(session, {"do": "control", "name": "browInnerUp", "value": 0.5})
    apply_edit(session, {"do": "control", "name": "mouthPucker", "value": 0.9})
    borrow(session, "borrow", borrowed["id"], 0.5, "mouth")
    controls = dict(session.state.layers[-1].controls)
    assert controls["browInnerUp"] == 0.5 and "mouthPucker" not in controls and "jawOpen" not in controls
    assert controls["mouthFunnel"] == pytest.approx(0.4, abs=0.05)
    for _ in range(3):
        apply_edit(session, {"do": "undo"})
    assert session.state.layers == start.layers


def test_a_face_that_has_the_expression_already_gets_no_more_of_it(session, borrowed):
    own = face_strengths(session.stage, session.sitters[session.state.portrait].full.params)
    session.change(lambda state: with_motion(state, ""))
    lent(session, borrowed, **{name: value for name, value in own.items() if control(name).unit == "share"})
    before = session.frames(session.state, 0, 1)
    borrow(session, "borrow", borrowed["id"], 1.0, "mouth", "brows", "lids", "cheeks", "nose", "jaw")
    torch.testing.assert_close(session.frames(session.state, 0, 1).expression, before.expression, atol=0.02, rtol=0)


def test_keyed_controls_get_a_key_at_the_playhead(session, borrowed):
    lent(session, borrowed, mouthFunnel=1.0)
    look(session, {"edits": [{"do": "key", "names": ["mouthFunnel"]}], "frame": 0, "view": None})
    put = {"do": "driver", "op": "borrow", "source": borrowed["id"], "share": 1.0, "regions": ["mouth"]}
    look(session, {"edits": [put], "frame": 30, "view": None})
    keys = session.state.layers[-1].tracks.table()["mouthFunnel"].keys
    assert [(key.frame, key.value > 0.3) for key in keys] == [(0, False), (30, True)]


def test_as_a_layer_it_is_held_from_the_playhead_on(session, borrowed):
    put = {"do": "driver", "op": "borrow_layer", "source": borrowed["id"], "share": 0.4, "regions": ["mouth", "head"]}
    look(session, {"edits": [put], "frame": 30, "view": None})
    layer = session.state.layers[-1]
    assert (layer.name, layer.first, layer.stop) == ("smile", 30, session.frame_count(session.state))
    assert (
        [key.value for key in layer.weight.keys] == [0.4]
        and dict(layer.regions)["jaw"] == 0
        and "mouth" not in dict(layer.regions)
    )
    saved = project_from_bytes(project_to_bytes(project_of(session, session.state)), session.stage.head.id, "work")
    assert saved.state == session.state and borrowed["id"] in saved.motions
    apply_edit(session, {"do": "undo"})
    assert len(session.state.layers) == 1


def test_a_layer_at_full_share_shows_the_borrowed_face_whatever_lies_below(session, borrowed):
    put = {"do": "driver", "op": "borrow_layer", "source": borrowed["id"], "share": 1.0, "regions": list(BORROWED_REGIONS)}
    before = session.frames(session.state, 0, 60)
    look(session, {"edits": [put], "frame": 30, "view": None})
    after, lent = session.frames(session.state, 0, 60), session.borrowed[borrowed["id"]].motion
    assert after.expression[:30].equal(before.expression[:30])
    named = torch.tensor(
        [control(name).group in BORROWED_REGIONS for name in session.stage.head.expression_names if name in ARKIT_UNITS]
    )
    torch.testing.assert_close(
        after.expression[40, : len(named)][named], lent.expression[0, : len(named)][named], atol=1e-4, rtol=0
    )
    assert after.expression[30:].diff(dim=0).abs().max() < 1e-5


@pytest.mark.parametrize(("share", "regions"), [(1.5, ["mouth"]), (1.0, []), (1.0, ["hair"]), (1.0, ["neck"])])
def test_nothing_can_be_borrowed_by_halves_of_sense(session, borrowed, share, regions):
    with pytest.raises(InputError):
        borrow(session, "borrow", borrowed["id"], share, *regions)


def test_of_several_faces_the_user_chooses_whose_expression(session, uploads):
    write_picture(uploads / "two.png", np.hstack([FACE, FACE[:, ::-1]]))
    request = {"path": str(uploads / "two.png"), "name": "two.png"}
    assert len(take_expression(session, request)["faces"]) == 2 and not session.borrowed
    assert take_expression(session, {**request, "face": 2})["borrowed"]["id"] in session.borrowed


def test_a_picture_without_a_face_lends_nothing(session, uploads):
    write_picture(uploads / "wall.png", np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(InputError, match="found none"):
        take_expression(session, {"path": str(uploads / "wall.png"), "name": "wall.png"})


# --- several faces in a clip -----------------------------------------------------------------------------------------


def test_of_several_faces_in_a_clip_the_user_chooses_one_by_its_picture(session, uploads):
    with open_writer(uploads / "two.mp4", Fraction(25), (320, 640)) as writer:
        for shift in range(8):
            writer.write(
                np.hstack([np.roll(FACE, shift, axis=1), FACE[:, ::-1]]) if shift > 2 else np.full((320, 640, 3), 90, np.uint8)
            )
    request = {"path": str(uploads / "two.mp4"), "name": "two.mp4"}
    faces = take_driver(session, request)["faces"]
    assert [decode(face).shape for face in faces] == [(72, 72, 3)] * 2 and not session.jobs
    take_driver(session, {**request, "face": 2})
    for job in session.jobs.values():
        job.wait()
    act = session.act(session.state)
    assert act is not None and isinstance(act.performance, Motion) and act.performance.frame_count == 8
    assert act.performance.translation[-1, 0] > 0  # the right one
