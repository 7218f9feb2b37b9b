from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from loki_core.media.video_in import probe, read_frames, read_metadata
from tests.media.clips import numbered, numbers, quadrants
from tests.media.test_video_out import tone, write_all

__all__ = ["read_alpha_frames"]


def read_alpha_frames(path) -> list[np.ndarray]:
    """RGBA frames of a VP9 clip; ffmpeg's own decoder leaves alpha out, libvpx gives it."""
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    with av.open(str(path)) as container:
        frames = [frame for packet in container.demux(container.streams.video[0]) for frame in decoder.decode(packet)]
    return [frame.to_ndarray(format="rgba") for frame in frames]


def oval(height: int = 64, width: int = 96) -> np.ndarray:
    """An orange oval with a soft rim on hidden black."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    alpha = np.clip((0.8 - np.hypot(x, y)) * 8, 0, 1)
    return np.dstack([np.where(alpha[..., None] > 0, (240, 140, 40), 0), alpha * 255]).round().astype(np.uint8)


@pytest.mark.parametrize("size", [(64, 96), (65, 97)])
def test_alpha_comes_back(tmp_path, size):
    read = read_alpha_frames(write_all(tmp_path / "o.webm", [oval(*size)] * 4))
    assert len(read) == 4
    for frame in read:
        assert frame.shape == (*size, 4)
        error = np.abs(frame[..., 3].astype(int) - oval(*size)[..., 3])
        assert error.max() <= 24 and error.mean() < 2


def test_hidden_colours_do_not_show_at_the_rim(tmp_path):
    frame = read_alpha_frames(write_all(tmp_path / "o.webm", [oval()] * 3))[1]
    rim = (frame[..., 3] > 8) & (frame[..., 3] < 200)
    assert rim.any() and np.abs(frame[rim, :3].astype(int) - (240, 140, 40)).max() <= 16


def test_a_picture_hidden_throughout_is_written(tmp_path):
    read = read_alpha_frames(write_all(tmp_path / "o.webm", [np.zeros((64, 96, 4), np.uint8)] * 2))
    assert read[1][..., 3].max() == 0


def test_opaque_pictures_give_an_opaque_webm(tmp_path):
    path = write_all(tmp_path / "o.webm", [quadrants()] * 3)
    with av.open(str(path)) as container:
        assert "alpha_mode" not in {key.lower() for key in container.streams.video[0].metadata}
    assert min(frame[..., 3].min() for frame in read_alpha_frames(path)) == 255
    read = list(read_frames(path))[1]
    assert np.abs(read[8::48, 8::80].astype(int) - quadrants()[8::48, 8::80]).max() <= 8


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(25), Fraction(25, 2), Fraction(997, 31), Fraction(1, 5)])
def test_the_rate_is_found_again(tmp_path, fps):
    path = write_all(tmp_path / "o.webm", [numbered(k) for k in range(20)], fps)
    info = probe(path)
    assert (info.fps, info.frame_count) == (fps, 20)
    assert numbers(read_frames(path)) == list(range(20))


@pytest.mark.parametrize("rate", [7350, 44100, 48000])
def test_sound_is_opus_and_is_cut_where_the_pictures_end(tmp_path, rate):
    path = write_all(tmp_path / "o.webm", [numbered(k) for k in range(50)], sound=tone(5, rate))
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.name == "opus"
        heard = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
    assert abs(heard.shape[1] / 48000 - 2) < 0.05 and 0.4 < np.abs(heard).max() < 0.7
    pitch = np.abs(np.fft.rfft(heard[0, 24000:72000])).argmax()
    assert abs(pitch - 440) <= 1


def test_metadata_comes_back_in_capitals(tmp_path):
    path = write_all(tmp_path / "o.webm", [numbered(0)] * 2, metadata={"made_by": "Ünïcode"})
    assert read_metadata(path)["MADE_BY"] == "Ünïcode"


def test_frames_must_all_have_alpha_or_none(tmp_path):
    with pytest.raises(ValueError, match="give all frames alpha"):
        write_all(tmp_path / "o.webm", [oval(), quadrants()])
    assert not list(tmp_path.iterdir())
