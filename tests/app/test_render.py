from __future__ import annotations

import time
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import trimesh

from app.edits import apply_edit
from app.panels.render import start_render
from app.panels.session import cancel_job
from loki_core.errors import InputError
from loki_core.media.picture import read_picture
from loki_core.media.video_in import probe, read_frames
from loki_core.motion.files import read_motion

ORDER = {"format": "mp4", "frames": "range", "frame": 0, "sound": True, "panel": False, "project": False}


def render(session, **changes) -> dict:
    start_render(session, {**ORDER, **changes})
    job = list(session.jobs.values())[-1]
    job.wait()
    return job.report()


@pytest.fixture
def short(session):
    apply_edit(session, {"do": "trim", "first": 60, "stop": 66})
    return session


def test_the_range_becomes_an_mp4_at_the_exact_rate(short):
    report = render(short)
    assert (report["state"], report["done"], report["total"]) == ("done", 6, 6)
    info = probe(report["result"]["path"])
    assert info.frame_count == 6 and info.fps == 30 and info.size == (512, 512)
    assert report["result"]["name"] == "Astronaut-Showreel.mp4" and report["result"]["kind"] == "video"


def test_a_result_lies_in_the_sessions_folder(short):
    assert Path(render(short)["result"]["path"]).is_relative_to(short.folder)


def test_controls_are_in_the_render(short):
    plain = next(read_frames(render(short)["result"]["path"])).astype(int)
    apply_edit(short, {"do": "control", "name": "headYaw", "value": 20})
    edited = next(read_frames(render(short)["result"]["path"])).astype(int)
    assert np.abs(edited - plain).max() > 60


def test_edits_after_the_order_do_not_touch_it(short):
    start_render(short, ORDER)
    apply_edit(short, {"do": "motion", "id": ""})
    (job,) = short.jobs.values()
    job.wait()
    assert probe(job.report()["result"]["path"]).frame_count == 6


def test_a_sequence_comes_as_one_zip_of_numbered_pictures(short):
    result = render(short, format="png")["result"]
    with zipfile.ZipFile(result["path"]) as archive:
        assert sorted(archive.namelist()) == [f"frame_{i:05d}.png" for i in range(6)]


def test_a_gif_is_written(short):
    assert Path(render(short, format="gif")["result"]["path"]).read_bytes()[:3] == b"GIF"


def test_a_single_frame_is_a_png(short):
    result = render(short, frames="frame", frame=100)["result"]
    assert result["name"] == "Astronaut-Showreel-100.png" and read_picture(result["path"]).rgb.shape == (512, 512, 3)


def test_the_panel_shows_portrait_map_and_result_in_a_row(short):
    info = probe(render(short, panel=True)["result"]["path"])
    assert info.width > 3 * 500


@pytest.mark.parametrize("changes", [{"format": "avi"}, {"format": "../mp4"}, {"frame": None, "frames": "frame"}, {"sound": 1}])
def test_an_order_that_makes_no_sense_is_refused(session, changes):
    with pytest.raises(InputError):
        start_render(session, {**ORDER, **changes})
    assert not session.jobs


def test_a_frame_beyond_the_end_fails_in_words(session):
    report = render(session, frames="frame", frame=240)
    assert report["state"] == "failed" and report["error"] == "Expected a frame from 0 to 239, got 240."


def test_a_cancelled_render_leaves_nothing(session):
    start_render(session, ORDER)
    (job,) = session.jobs.values()
    while not job.report()["done"]:
        time.sleep(0.01)
    cancel_job(session, {"id": job.id})
    job.wait()
    assert job.report()["state"] == "cancelled" and not list(session.folder.iterdir())


@pytest.mark.parametrize("ending", ["npz", "csv", "glb"])
def test_the_motion_itself_can_be_taken_home(short, ending):
    apply_edit(short, {"do": "control", "name": "jawOpen", "value": 0.5})
    result = render(short, format=ending)["result"]
    assert result["name"] == f"Astronaut-Showreel.{ending}" and result["kind"] == "none"
    stage = short.stage
    motion = read_motion(Path(result["path"]), stage.head, stage.units, fps=Fraction(30))
    assert motion.frame_count == 6
    assert (motion.expression[:, stage.head.expression_names.index("jawOpen")] > 0.2).all()


def test_one_frame_can_be_taken_home_as_a_mesh(short):
    result = render(short, format="obj", frames="frame", frame=70)["result"]
    assert result["name"] == "Astronaut-Showreel-70.obj"
    mesh = trimesh.load_mesh(result["path"], process=False)
    assert isinstance(mesh, trimesh.Trimesh) and len(mesh.vertices) >= len(short.stage.head.template)
