from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from moviepy.audio.AudioClip import AudioClip
from PIL import Image

from loki_core.errors import InputError
from loki_core.media.picture import read_picture
from loki_core.media.video_in import probe, read_frames, read_metadata
from loki_core.media.video_out import open_writer
from tests.media.clips import numbered, numbers, quadrants

NTSC = Fraction(30000, 1001)
TARGETS = ["o.mp4", "o.gif", "o.webm", "folder", "shot_%04d.png"]


def break_off(path, **options) -> None:
    with open_writer(path, Fraction(25), (64, 96), **options) as writer:
        writer.write(numbered(1))
        raise KeyboardInterrupt


def write_all(path, frames, fps=Fraction(25), **options):
    with open_writer(path, fps, frames[0].shape[:2], **options) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def tone(seconds: float = 1.0, fps: int = 44100) -> AudioClip:
    return AudioClip(lambda t: 0.5 * np.sin(2 * np.pi * 440 * np.stack([t, t], -1)), duration=seconds, fps=fps)


@pytest.mark.parametrize(
    "fps", [Fraction(24000, 1001), NTSC, Fraction(60000, 1001), Fraction(25, 2), Fraction(997, 31), Fraction(1, 5)]
)
def test_mp4_keeps_every_rate_exactly(tmp_path, fps):
    path = write_all(tmp_path / "o.mp4", [numbered(k) for k in range(30)], fps)
    info = probe(path)
    assert (info.fps, info.frame_count, info.duration) == (fps, 30, 30 / fps)
    assert numbers(read_frames(path)) == list(range(30))


def test_mp4_is_what_browsers_play(tmp_path):
    path = write_all(tmp_path / "o.mp4", [quadrants()] * 5, sound=tone())
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (sound.codec_context.name, sound.codec_context.sample_rate) == ("aac", 44100)
        assert sound.duration is not None and sound.time_base is not None
        assert abs(sound.duration * sound.time_base - Fraction(5, 25)) < Fraction(1, 20)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_mp4_keeps_colours(tmp_path):
    path = write_all(tmp_path / "o.mp4", [quadrants()] * 3)
    read = list(read_frames(path))[1]
    assert np.abs(read[8::48, 8::80].astype(int) - quadrants()[8::48, 8::80]).max() <= 6


def test_odd_sizes_gain_a_copy_of_the_last_row_and_column(tmp_path):
    path = write_all(tmp_path / "o.mp4", [quadrants(65, 97)] * 3)
    read = list(read_frames(path))[1]
    assert read.shape == (66, 98, 3)
    assert np.abs(read[-1, 8].astype(int) - quadrants(65, 97)[-1, 8]).max() <= 8


def test_metadata_comes_back(tmp_path):
    project = '{"name": "Ünïcode", "keys": [' + "1, " * 30000 + "2]}"
    path = write_all(tmp_path / "o.mp4", [numbered(0)] * 2, metadata={"comment": "made here", "loki_project": project})
    metadata = read_metadata(path)
    assert metadata["comment"] == "made here" and metadata["loki_project"] == project


@pytest.mark.parametrize("fps", [Fraction(12), Fraction(25), Fraction(30), Fraction(50)])
def test_gif_keeps_the_rate_on_average(tmp_path, fps):
    path = write_all(tmp_path / "o.gif", [numbered(k) for k in range(20)], fps)
    info = probe(path)
    assert info.fps == fps and abs(info.duration - 20 / fps) <= Fraction(1, 100)
    assert numbers(read_frames(path)) == list(range(20))
    with Image.open(path) as image:
        assert image.info["loop"] == 0


def test_gif_leaves_out_frames_above_fifty_a_second(tmp_path):
    path = write_all(tmp_path / "o.gif", [numbered(k) for k in range(24)], Fraction(60))
    with Image.open(path) as image:
        assert image.n_frames < 24
    info = probe(path)
    assert info.fps <= 50 and abs(info.duration - Fraction(24, 60)) <= Fraction(2, 100)


def test_gif_palette_follows_the_pictures(tmp_path):
    face = np.stack(np.broadcast_arrays(np.linspace(120, 230, 96), np.linspace(80, 170, 96), np.linspace(60, 140, 96)), -1)
    face = np.tile(face[None], (64, 1, 1)).astype(np.uint8)
    read = next(read_frames(write_all(tmp_path / "o.gif", [face] * 3)))
    assert np.abs(read.astype(int) - face).mean() < 2


def test_pictures_are_numbered_and_sound_lies_beside(tmp_path):
    frames = [np.dstack([numbered(k), np.full((64, 96), 90, np.uint8)]) for k in range(3)]
    write_all(tmp_path / "folder", frames, sound=tone())
    assert sorted(p.name for p in (tmp_path / "folder").iterdir()) == [
        "frame.wav", "frame_00000.png", "frame_00001.png", "frame_00002.png",
    ]  # fmt: skip
    picture = read_picture(tmp_path / "folder" / "frame_00001.png")
    assert picture.alpha is not None and numbers([picture.rgb]) == [1]
    assert picture.alpha.min() == picture.alpha.max() == 90
    with av.open(str(tmp_path / "folder" / "frame.wav")) as container:
        assert container.duration is not None and abs(container.duration / av.time_base - 1) < 0.01
    write_all(tmp_path / "shot_%04d.png", frames)
    assert sorted(p.name for p in tmp_path.glob("shot*")) == ["shot_0000.png", "shot_0001.png", "shot_0002.png"]


@pytest.mark.parametrize("name", TARGETS)
def test_a_failure_leaves_nothing(tmp_path, name):
    with pytest.raises(KeyboardInterrupt):
        break_off(tmp_path / name, sound=tone())
    with pytest.raises(ValueError, match="at least one frame"):
        with open_writer(tmp_path / name, Fraction(25), (64, 96), sound=tone()):
            pass
    with pytest.raises(ValueError, match="uint8 frames"):
        with open_writer(tmp_path / name, Fraction(25), (64, 96)) as writer:
            writer.write(numbered(1, 64, 98))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["o.mp4", "o.gif", "o.webm"])
def test_a_failure_leaves_the_older_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt):
        break_off(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"older" and len(list(tmp_path.iterdir())) == 1


def test_targets_that_cannot_be_are_refused_before_work_starts(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    cases = {
        "o.xyz": "change its ending", "none/o.mp4": "make it first", "full": "choose another name",
        "shot.png": "one number", "shot_%d_%d.png": "one number",
    }  # fmt: skip
    for name, words in cases.items():
        with pytest.raises(InputError, match=words):
            with open_writer(tmp_path / name, Fraction(25), (64, 96)):
                pytest.fail("the block must not run")
    assert (tmp_path / "full" / "mine.txt").read_text() == "keep"


def test_transparent_frames_are_laid_over_white(tmp_path):
    frame = np.zeros((64, 96, 4), np.uint8)
    for name in ("o.mp4", "o.gif"):
        assert next(read_frames(write_all(tmp_path / name, [frame] * 2))).min() >= 250


@pytest.mark.parametrize("rate", [7350, 44100, 48000])
def test_sound_of_any_rate_is_cut_where_the_pictures_end(tmp_path, rate):
    path = write_all(tmp_path / "o.mp4", [numbered(k) for k in range(50)], sound=tone(5, rate))
    with av.open(str(path)) as container:
        heard = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
        assert abs(heard.shape[1] / container.streams.audio[0].codec_context.sample_rate - 2) < 0.05
    assert 0.4 < np.abs(heard).max() < 0.7
