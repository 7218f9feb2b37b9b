from __future__ import annotations

import re
import time
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import trimesh

from app.edits import apply_edit
from app.material import sit
from app.output import FORMATS
from app.panels.render import start_render
from app.panels.session import cancel_job
from app.pictures import draw_map
from app.stage import png
from app.words import say
from loki_core.errors import InputError
from loki_core.media.picture import read_picture
from loki_core.media.video_in import probe, read_frames
from loki_core.motion.files import read_motion
from loki_core.project.contents import StoredFile
from loki_core.raster.driver_map import driver_map
from tests.media.test_webm_out import read_alpha_frames

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


@pytest.fixture
def seen_through(short):
    """The example with its upper right corner cut away."""
    full = short.sitters["example"].full
    alpha = np.full(full.image.shape[:2], 255, np.uint8)
    alpha[:100, -100:] = 0
    picture = StoredFile(png(np.where(alpha[..., None] > 0, full.image, 0)), ".png")
    short.sitters["example"] = sit(short.stage, "Astronaut", replace(full, alpha=alpha), picture)
    return short


def pictures_of(path: str) -> list[np.ndarray]:
    """RGBA frames of a zip of PNG pictures."""
    folder = Path(path).with_suffix("")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    read = [read_picture(file) for file in sorted(folder.glob("*.png"))]
    return [np.dstack([p.rgb, np.full(p.rgb.shape[:2], 255, np.uint8) if p.alpha is None else p.alpha]) for p in read]


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


def test_a_frame_beyond_the_end_is_refused_in_words(session):
    with pytest.raises(InputError, match="expected a frame from 0 to 239, got 240"):
        start_render(session, {**ORDER, "frames": "frame", "frame": 240})
    assert not session.renders


def test_a_cancelled_render_leaves_nothing(session):
    start_render(session, ORDER)
    (job,) = session.jobs.values()
    while not job.report()["done"]:
        time.sleep(0.01)
    cancel_job(session, {"id": job.id})
    job.wait()
    assert job.report()["state"] == "cancelled" and not list(session.folder.glob("renders/*/result"))


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


def test_every_format_has_a_plain_name(session):
    assert all(re.fullmatch(r"[A-Z][\w ,:()]+", say(f"format_{key}")) for key in FORMATS)


def test_a_webm_is_a_video_with_sound_like_an_mp4(short):
    result = render(short, format="webm")["result"]
    info = probe(result["path"])
    assert info.frame_count == 6 and info.fps == 30 and info.size == (512, 512)
    assert result["name"] == "Astronaut-Showreel.webm" and result["kind"] == "video"
    assert min(frame[..., 3].min() for frame in read_alpha_frames(result["path"])) == 255


@pytest.mark.parametrize(("form", "read"), [("webm", read_alpha_frames), ("png", pictures_of)])
def test_what_is_transparent_in_the_picture_stays_so(seen_through, form, read):
    frames = read(render(seen_through, format=form)["result"]["path"])
    assert len(frames) == 6
    for frame in frames:
        assert frame[:90, -90:, 3].max() <= 8 and frame[150:400, 150:350, 3].min() >= 247


@pytest.mark.parametrize(("form", "read"), [("webm_cut", read_alpha_frames), ("png_cut", pictures_of)])
def test_the_person_can_be_cut_out(short, form, read):
    matte = short.sitters["example"].full.matte
    nobody, person = matte < 0.01, matte > 0.99
    frames = read(render(short, format=form)["result"]["path"])
    assert len(frames) == 6
    for frame in frames:
        assert frame[..., 3][nobody].mean() < 4 and frame[..., 3][person].mean() > 247


def test_what_is_behind_the_person_does_not_colour_soft_edges(short):
    full = short.sitters["example"].full
    image = np.where(full.matte[..., None] < 0.5, np.array([0, 255, 0], np.uint8), full.image)
    short.sitters["example"] = sit(short.stage, "Astronaut", replace(full, image=image), StoredFile(png(image), ".png"))
    picture = read_picture(render(short, format="png_cut", frames="frame", frame=62)["result"]["path"])
    assert picture.alpha is not None
    red, green, blue = picture.rgb[(picture.alpha > 16) & (picture.alpha < 128)].astype(int).T
    assert len(green) > 1000 and (green > np.maximum(red, blue) + 64).mean() < 0.01


def test_cutting_the_person_out_adds_no_opacity(seen_through):
    (frame, *_) = pictures_of(render(seen_through, format="png_cut")["result"]["path"])
    assert frame[:90, -90:, 3].max() <= 8


def test_a_single_frame_is_cut_out_too(short):
    result = render(short, format="webm_cut", frames="frame", frame=62)["result"]
    picture = read_picture(result["path"])
    assert result["name"].endswith("-62.png") and picture.alpha is not None and picture.alpha.min() == 0


def test_the_driver_map_becomes_a_video_in_the_mode_on_the_page(short):
    apply_edit(short, {"do": "look", "name": "map", "value": "normals"})
    result = render(short, format="map", panel=True)["result"]
    assert result["name"] == "Astronaut-Showreel-map.mp4" and result["kind"] == "video"
    shown = list(read_frames(result["path"]))
    sitter, frames = short.sitters["example"], short.frames(short.state, 60, 66)
    for index in (0, 5):
        expected = draw_map(short.stage, sitter, frames[index], "normals")
        assert np.abs(shown[index].astype(int) - expected).mean() < 3


def test_the_channels_of_the_driver_map_come_as_numbered_exr_files_in_a_zip(short, tmp_path):
    result = render(short, format="exr")["result"]
    assert result["name"] == "Astronaut-Showreel-map.zip" and result["kind"] == "none"
    assert [file.name for file in Path(result["path"]).parent.iterdir()] == [result["name"]]
    with zipfile.ZipFile(result["path"]) as archive:
        assert archive.namelist() == [f"frame_{i:05d}.exr" for i in range(6)]
        archive.extractall(tmp_path / "maps")
    sitter, frames = short.sitters["example"], short.frames(short.state, 60, 66)
    expected = driver_map(short.stage.head, frames[5], sitter.live.portrait.camera, sitter.crop, size=(512, 512))
    with OpenEXR.File(str(tmp_path / "maps" / "frame_00005.exr"), separate_channels=True) as file:
        channels = file.channels()
        assert len(channels) == 46
        assert np.array_equal(channels["delta.y"].pixels, expected.map[-2].numpy())
        assert np.array_equal(channels["mask"].pixels > 0, expected.mask.numpy())


def test_one_frame_of_the_channels_is_one_exr_file(short):
    result = render(short, format="exr", frames="frame", frame=70)["result"]
    assert result["name"] == "Astronaut-Showreel-70.exr" and Path(result["path"]).read_bytes()[:4] == b"v/1\x01"


@pytest.mark.parametrize("form", ["map", "exr"])
def test_drawing_the_driver_map_can_be_cancelled(session, form):
    start_render(session, {**ORDER, "format": form})
    (job,) = session.jobs.values()
    while not job.report()["done"]:
        time.sleep(0.01)
    cancel_job(session, {"id": job.id})
    job.wait()
    assert job.report()["state"] == "cancelled" and not list(session.folder.glob("renders/*/result"))
