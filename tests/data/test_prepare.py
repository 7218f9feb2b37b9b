"""Clips become scenes: what is kept, what is refused, and that a second run goes on where the first was stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from app.cli import build_parser
from loki_core.data.folder import FolderConfig, FolderWindows, folder_config
from loki_core.data.prepare_report import draw_plots, report_page
from loki_core.data.prepare_run import find_videos, prepare
from loki_core.data.preparing import PrepareConfig, Refusal, cut_crop, prepare_video, sharpness
from loki_core.data.samples import collate
from loki_core.data.shards import load_shard, save_shard
from loki_core.diffusion.configs import EncoderConfig, ReferenceConfig, UNetConfig, preset
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.media.video_out import open_writer
from loki_core.raster.camera import CropBox
from loki_core.training.config import TrainConfig
from loki_core.training.run_folder import describe_run
from loki_core.training.trainer import Trainer

FACE = skimage.data.astronaut()[:320, 60:380]
CONFIG = PrepareConfig(size=32, shortest=4)


def write(path: Path, frames: list[np.ndarray], fps: int = 25) -> Path:
    with open_writer(path, Fraction(fps), (len(frames[0]), len(frames[0][0]))) as writer:
        for frame in frames:
            writer.write(np.ascontiguousarray(frame))
    return path


def moved(count: int, *, blur: float = 0) -> list[np.ndarray]:
    """The astronaut, drifting."""
    face = FACE if not blur else cv2.GaussianBlur(FACE, (0, 0), blur)
    return [np.roll(face, 2 * t, axis=1)[:, 20:300] for t in range(count)]


def empty(count: int) -> list[np.ndarray]:
    return [np.full((320, 280, 3), 90, np.uint8)] * count


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with a cut to nothing, one at 50 frames a second, and a file that is no video."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "eileen").mkdir()
    write(folder / "cut.mp4", moved(8) + empty(6))
    write(folder / "eileen" / "fast.mp4", moved(12), fps=50)
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("not a clip")
    return folder


@pytest.fixture(scope="module")
def prepared(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    prepare(find_videos([videos]), out, CONFIG, held_out=0.0)
    return out


def manifest_of(out: Path) -> dict:
    return json.loads((out / "manifest.json").read_text())


def source_of(out: Path, video: str) -> dict:
    return next(source for source in manifest_of(out)["sources"] if source["video"] == video)


def test_a_cut_parts_what_is_kept_from_what_is_refused(prepared: Path):
    source = source_of(prepared, "cut.mp4")
    assert [(scene["frames"], scene["start"]) for scene in source["scenes"]] == [(8, 0.0)]
    assert source["refused"] == [{"start": 8 / 25, "frames": 6, "reason": "no face"}]
    shard = load_shard(prepared / source["scenes"][0]["shard"], embedded_head())
    assert shard.pictures.shape == (8, 32, 32, 3) and shard.mattes[:, 12:20, 12:20].mean() > 200


def test_a_fast_clip_keeps_25_frames_a_second(prepared: Path):
    (scene,) = source_of(prepared, "eileen/fast.mp4")["scenes"]
    assert scene["fps"] == [25, 1] and scene["frames"] == 6


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"smallest": 1000}, "face too small"),
        ({"sharpness": 1e6}, "blurred"),
        ({"confidence": 1.0}, "tracking uncertain"),
        ({"shortest": 40}, "scene too short"),
    ],
)
def test_frames_that_are_not_good_enough_are_refused(tmp_path: Path, change: dict, reason: str):
    clip = write(tmp_path / "clip.mp4", moved(5))
    found = list(prepare_video(clip, embedded_head(), replace(CONFIG, **change)))
    assert [(each.reason, each.frames) for each in found if isinstance(each, Refusal)] == [(reason, 5)] and len(found) == 1


def test_a_blurred_picture_is_less_sharp():
    assert sharpness(cv2.GaussianBlur(FACE, (0, 0), 3)) < 0.1 * sharpness(FACE)


def test_a_crop_beyond_the_edge_goes_on_with_it():
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[:, 0] = 255
    cut = cut_crop(picture, CropBox(0, 5, 4), 8)
    assert (cut[:, :5] == 255).all() and (cut[:, 5:] == 0).all()


def test_the_manifest_tells_the_hashes_and_why_frames_are_missing(prepared: Path):
    told = manifest_of(prepared)
    by_name = {source["video"]: source for source in told["sources"]}
    assert list(by_name) == ["broken.mp4", "cut.mp4", "eileen/fast.mp4"]
    assert by_name["eileen/fast.mp4"]["person"] == "eileen" and by_name["cut.mp4"]["person"] == "cut.mp4"
    assert by_name["broken.mp4"]["refused"][0]["reason"].startswith("unreadable") and not by_name["broken.mp4"]["scenes"]
    for source in told["sources"]:
        for scene in source["scenes"]:
            assert len(scene["sha256"]) == 64
            assert load_shard(prepared / scene["shard"], embedded_head()).motion.frame_count == scene["frames"]


def test_a_second_run_does_only_what_is_left(videos: Path, prepared: Path, tmp_path: Path):
    times = {path: path.stat().st_mtime_ns for path in prepared.rglob("*.npz")}
    before, counted = (prepared / "manifest.json").read_bytes(), []
    prepare(find_videos([videos]), prepared, CONFIG, held_out=0.0, progress=lambda *done: counted.append(done))
    assert not counted and (prepared / "manifest.json").read_bytes() == before
    broken = source_of(prepared, "broken.mp4")
    (prepared / "parts" / f"{broken['key']}.json").unlink()
    prepare(find_videos([videos]), prepared, CONFIG, held_out=0.0, progress=lambda *done: counted.append(done))
    assert counted == [(3, 3)] and times == {path: path.stat().st_mtime_ns for path in prepared.rglob("*.npz")}
    assert (prepared / "manifest.json").read_bytes() == before


def test_people_stay_on_their_side_when_clips_are_added(videos: Path, prepared: Path):
    def sides(share: float) -> dict[str, str]:
        told = prepare(find_videos([videos]), prepared, CONFIG, held_out=share)
        return {source["person"]: source["split"] for source in told["sources"]}

    few, many = sides(0.3), sides(0.9)
    assert {person for person, side in few.items() if side == "test"} <= {p for p, side in many.items() if side == "test"}
    assert set(sides(0.0).values()) == {"train"}


@pytest.mark.slow  # two processes that load everything anew
def test_other_processes_make_the_same(videos: Path, prepared: Path, tmp_path: Path):
    sources = find_videos([videos / "eileen", videos / "broken.mp4"])
    prepare(sources, tmp_path, CONFIG, held_out=0.0, workers=2)
    (scene,) = [scene for source in manifest_of(tmp_path)["sources"] for scene in source["scenes"]]
    expected = source_of(prepared, "eileen/fast.mp4")["scenes"][0]
    first, second = (load_shard(folder / scene["shard"], embedded_head()) for folder in (tmp_path, prepared))
    assert scene["shard"] == expected["shard"] and (first.pictures == second.pictures).all()


def test_a_window_of_the_folder_is_a_sample_like_the_synthetic_ones(prepared: Path):
    windows = FolderWindows(embedded_head(), replace(folder_config(prepared), frames=3))
    samples = [windows[index] for index in range(6)]
    batch = collate(samples)
    assert batch.targets.shape == (6, 3, 3, 32, 32) and batch.maps.shape == (6, 3, 45, 32, 32) and batch.vectors.shape[2] == 70
    assert 0.1 < batch.masks.float().mean() < 0.9 and batch.focus.amax() > 0.9
    again = FolderWindows(embedded_head(), windows.config)[4]
    assert torch.equal(again.targets, samples[4].targets) and torch.equal(again.maps, samples[4].maps)


def test_the_map_lies_on_the_face(prepared: Path):
    sample = FolderWindows(embedded_head(), replace(folder_config(prepared), frames=1))[0]
    head, picture = sample.masks[0], sample.targets[0].float()
    redness = (picture[0] - picture[2])[head].mean() - (picture[0] - picture[2])[~head].mean()
    assert redness > 10  # skin within the map, suit and flag around it


def test_a_network_trains_on_the_folder(prepared: Path, tmp_path: Path):
    tiny = replace(
        preset("mini"), name="tiny", image_size=32,
        unet=UNetConfig(channels=12, widths=(8, 16), attention=("spatial", "full"), layers=1, head_dim=8, groups=4),
        encoder=EncoderConfig(widths=(8,), unshuffle=2), reference=ReferenceConfig(frozen=False, whole=False),
    )  # fmt: skip
    config = TrainConfig(batch=2, precision="no", workers=0, data=replace(folder_config(prepared), frames=2))
    describe_run(tmp_path, config, tiny, resume=False)
    describe_run(tmp_path, config, tiny, resume=True)
    losses: list[float] = []
    Trainer(config, tiny, embedded_head(), tmp_path).train(2, report=lambda _, loss, rate: losses.append(loss))
    assert len(losses) == 2 and all(np.isfinite(losses))


def test_other_data_under_the_same_name_is_noticed(prepared: Path):
    config = replace(folder_config(prepared), manifest="0" * 64)
    with pytest.raises(InputError, match="other data"):
        FolderWindows(embedded_head(), config)


@pytest.mark.parametrize("frames", [8, 20])
def test_scenes_that_are_too_short_for_a_window_are_not_used(prepared: Path, frames: int):
    with pytest.raises(InputError, match="found none"):
        FolderWindows(embedded_head(), replace(folder_config(prepared), frames=frames))


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"size": 8, "sources": [{"scenes": [{"shard": "scenes/../../x.npz", "frames": 9}], "split": "train"}]}'],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(InputError, match="run prepare first"):
        folder_config(tmp_path)
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        folder_config(tmp_path)


def test_a_scene_comes_back_as_it_was_written(prepared: Path, tmp_path: Path):
    shard = load_shard(next(iter(sorted(prepared.rglob("*.npz")))), embedded_head())
    save_shard(tmp_path / "copy.npz", shard)
    copy = load_shard(tmp_path / "copy.npz", embedded_head())
    assert (copy.pictures == shard.pictures).all() and copy.crop == shard.crop and copy.motion.camera == shard.motion.camera
    assert torch.equal(copy.motion.expression, shard.motion.expression)
    (tmp_path / "copy.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="damaged"):
        load_shard(tmp_path / "copy.npz", embedded_head())


def test_the_report_says_what_was_kept_and_what_was_not(prepared: Path):
    told = manifest_of(prepared)
    page = report_page(told, "report.png")
    assert "| frames | 14 | 0 |" in page and "| no face | 6 |" in page and "| unreadable | 0 |" in page
    assert draw_plots(told).size == (960, 400)
    assert draw_plots({"sources": []}).size == (960, 400)


def test_the_command_prepares_and_reports(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = build_parser().parse_args(["prepare", str(videos / "broken.mp4"), "--out", str(tmp_path / "data")])
    assert arguments.run(arguments) == 0
    assert capsys.readouterr().out == (tmp_path / "data" / "report.md").read_text()
    assert (tmp_path / "data" / "report.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nowhere"], "found none"),
        (["."], "found none"),
        ([".", "--workers", "0"], "at least 1"),
        ([".", "--held-out", "1"], "held-out"),
    ],
)
def test_what_cannot_be_prepared_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str):
    monkeypatch.chdir(tmp_path)
    arguments = build_parser().parse_args(["prepare", *options, "--out", "data"])
    with pytest.raises(InputError, match=words):
        arguments.run(arguments)
    assert not (tmp_path / "data").exists()


def test_names_must_tell_videos_apart(tmp_path: Path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "clip.mp4").write_bytes(b"")
    assert [source.person for source in find_videos([tmp_path])] == ["a", "b"]
    with pytest.raises(InputError, match="two places"):
        find_videos([tmp_path / "a", tmp_path / "b"])
    assert FolderConfig("x", "y", 8).split == "train"
