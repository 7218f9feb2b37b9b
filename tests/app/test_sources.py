from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from gradio.utils import get_upload_folder

from app.edits import apply_edit
from app.panels.session import cancel_job, snapshot
from app.panels.sources import take_driver, take_portrait
from app.panels.viewport import look, portrait_picture
from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.media.picture import write_picture
from loki_core.media.video_out import open_writer
from loki_core.motion.clip import Motion
from loki_core.motion.files import write_motion
from tests.app.pages import decode, decode_jpeg

FACE = skimage.data.astronaut()[:320, 60:380]


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which Gradio keeps what pages upload."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    assert Path(get_upload_folder()) == folder
    return folder


def put(folder: Path, name: str, pixels: np.ndarray) -> dict:
    write_picture(folder / name, pixels)
    return {"path": str(folder / name), "name": name}


def clip(folder: Path, name: str = "driver.mp4", frames: int = 12) -> dict:
    with open_writer(folder / name, Fraction(24000, 1001), FACE.shape[:2]) as writer:
        for shift in range(frames):
            writer.write(np.roll(FACE, shift, axis=1))
    return {"path": str(folder / name), "name": name}


def finish(session) -> dict:
    for job in session.jobs.values():
        job.wait()
    return snapshot(session, {})


def test_a_dropped_portrait_is_fitted_and_shown_and_undo_returns_to_the_one_before(session, uploads):
    before = session.state.portrait
    reply = take_portrait(session, put(uploads, "me.png", FACE))
    assert reply["studio"]["portrait"] != before
    assert [portrait["name"] for portrait in reply["library"]["portraits"]] == ["Astronaut", "me"]
    apply_edit(session, {"do": "undo"})
    assert session.state.portrait == before


def test_of_several_faces_the_user_chooses_one(session, uploads):
    request = put(uploads, "two.png", np.hstack([FACE, FACE[:, ::-1]]))
    before = session.history
    assert len(take_portrait(session, request)["faces"]) == 2 and session.history == before
    left = take_portrait(session, {**request, "face": 1})["studio"]["portrait"]
    right = take_portrait(session, {**request, "face": 2})["studio"]["portrait"]
    assert left != right
    with pytest.raises(InputError, match="from 1 to 2"):
        take_portrait(session, {**request, "face": 3})


def test_a_picture_without_a_face_is_refused_and_the_last_good_one_stays(session, uploads):
    before = session.history
    with pytest.raises(InputError, match="found none"):
        take_portrait(session, put(uploads, "plain.png", np.full((200, 200, 3), 128, np.uint8)))
    assert session.history == before


def test_what_is_no_picture_is_refused(session, uploads):
    (uploads / "notes.png").write_text("hello")
    with pytest.raises(InputError, match="none of them"):
        take_portrait(session, {"path": str(uploads / "notes.png"), "name": "notes.png"})


def test_only_uploads_are_taken(session, uploads, tmp_path):
    elsewhere = put(tmp_path, "elsewhere.png", FACE)
    for path in (elsewhere["path"], str(uploads / ".." / "elsewhere.png"), "/etc/passwd", str(uploads), ""):
        with pytest.raises(InputError, match="does not understand"):
            take_portrait(session, {"path": path, "name": "x.png"})


def test_a_link_out_of_the_uploads_is_not_followed(session, uploads, tmp_path):
    elsewhere = put(tmp_path, "elsewhere.png", FACE)
    (uploads / "link.png").symlink_to(elsewhere["path"])
    with pytest.raises(InputError, match="does not understand"):
        take_portrait(session, {"path": str(uploads / "link.png"), "name": "link.png"})


def test_a_file_beyond_the_limit_is_refused(session, uploads):
    (uploads / "large.mp4").write_bytes(bytes(1_100_000))
    with pytest.raises(InputError, match="at most 1 MB"):
        take_driver(session, {"path": str(uploads / "large.mp4"), "name": "large.mp4"})


def test_a_dropped_clip_is_tracked_and_becomes_the_motion(session, uploads):
    take_driver(session, clip(uploads))
    reply = finish(session)
    assert [job["state"] for job in reply["library"]["jobs"]] == ["done"]
    assert reply["studio"]["frame_count"] == 12 and reply["studio"]["fps"] == (24000, 1001)
    chosen = next(motion for motion in reply["library"]["motions"] if motion["id"] == reply["studio"]["motion"])
    assert chosen["name"] == "driver" and chosen["clip"] and not chosen["sound"]
    apply_edit(session, {"do": "undo"})
    assert session.act(session.state) is session.acts["showreel"]


def test_a_clip_that_is_too_long_is_refused_before_it_is_tracked(session, uploads):
    take_driver(session, clip(uploads, frames=60))
    job = finish(session)["library"]["jobs"][0]
    assert job["state"] == "failed" and "at most 2 seconds" in job["error"] and job["done"] == 0


def test_a_clip_that_is_none_is_refused_before_it_is_tracked(session, uploads):
    (uploads / "broken.mp4").write_bytes(b"\x00" * 4000)
    with pytest.raises(InputError, match="expected a video"):
        take_driver(session, {"path": str(uploads / "broken.mp4"), "name": "broken.mp4"})
    assert not session.jobs


def test_tracking_can_be_cancelled(session, uploads):
    take_driver(session, clip(uploads, frames=40))
    (job,) = session.jobs.values()
    while job.report()["done"] == 0 and job.report()["state"] in ("waiting", "running"):
        time.sleep(0.01)
    cancel_job(session, {"id": job.id})
    assert (
        finish(session)["library"]["jobs"][0]["state"] == "cancelled" and session.act(session.state) is session.acts["showreel"]
    )


def test_a_name_from_the_page_cannot_lead_anywhere(session, uploads):
    request = {**put(uploads, "me.png", FACE), "name": "../../etc/<b>passwd\n.png"}
    portraits = take_portrait(session, request)["library"]["portraits"]
    assert portraits[-1]["name"] == "_b_passwd_"
    take_portrait(session, {**put(uploads, "other.png", FACE[:300]), "name": "..."})
    assert snapshot(session, {})["library"]["portraits"][-1]["name"] == "___"


def test_a_picture_with_alpha_is_shown_over_white(session, uploads):
    alpha = np.full((*FACE.shape[:2], 1), 255, np.uint8)
    alpha[:40] = 0
    request = put(uploads, "cut.png", np.concatenate([np.where(alpha > 0, FACE, 7), alpha], axis=2))
    portrait = take_portrait(session, request)["studio"]["portrait"]
    assert decode(portrait_picture(session, {"id": portrait})["picture"])[:30].min() > 240
    warped = look(session, {"edits": [], "frame": 0, "view": "warp"})["picture"]
    assert decode_jpeg(warped)[:10].min() > 200


def test_a_dropped_motion_becomes_the_one_that_moves_the_portrait(session, uploads):
    stage = session.stage
    frames = apply_controls(stage.head, stage.units, stage.head.neutral(), {"jawOpen": torch.linspace(0, 0.8, 20)})
    write_motion(uploads / "take.csv", Motion.of(frames, fps=Fraction(30), head=stage.head.id), stage.head, stage.units)
    before = look(session, {"edits": [], "frame": 0, "view": "map"})["picture"]
    reply = take_driver(session, {"path": str(uploads / "take.csv"), "name": "take.csv"})
    assert reply["studio"]["frame_count"] == 20 and reply["library"]["motions"][1]["name"] == "take"
    assert look(session, {"edits": [], "frame": 19, "view": "map"})["picture"] != before


def test_a_motion_that_cannot_be_read_changes_nothing(session, uploads):
    (uploads / "take.csv").write_text("a,b\n1,2\n")
    before = session.history
    with pytest.raises(InputError):
        take_driver(session, {"path": str(uploads / "take.csv"), "name": "take.csv"})
    assert session.history == before and len(session.acts) == len(session.stage.motions)
