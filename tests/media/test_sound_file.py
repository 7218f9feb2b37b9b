"""Sound files read whole, and sounds heard together."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from hypothesis import given, settings
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.media.sound_file import read_sound
from loki_core.media.sound_mix import clip_of, mix
from tests.media.clips import numbered, write_clip

RATE = 44_100


def tone(seconds: float = 1.0, *, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def write_wav(path: Path, samples: np.ndarray, *, rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def write_coded(path: Path, codec: str, samples: np.ndarray) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        assert isinstance(stream, AudioStream)
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.codec_context.format, "mono", RATE, frame_size=1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_a_wav_file_comes_as_it_was_written(tmp_path: Path, rate: int):
    written = tone(rate=rate)
    got = read_sound(write_wav(tmp_path / "a.wav", written, rate=rate), rate=rate, channels=1, most_seconds=2)
    assert got.shape == (rate, 1) and np.abs(got[:, 0] - written).max() < 1e-3


@pytest.mark.parametrize(("ending", "codec"), [(".mp3", "libmp3lame"), (".m4a", "aac"), (".ogg", "libvorbis"), (".flac", "flac")])
def test_other_files_sound_as_long_and_as_loud(tmp_path: Path, ending: str, codec: str):
    try:
        file = write_coded(tmp_path / f"a{ending}", codec, tone())
    except (av.error.FFmpegError, ValueError):
        pytest.skip(f"this build of FFmpeg does not write {ending}")
    got = read_sound(file, rate=16_000, channels=2, most_seconds=2)
    assert abs(len(got) / 16_000 - 1) < 0.08
    assert np.sqrt((got[2000:14_000] ** 2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_a_sound_that_is_too_long_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="at most 0.5 seconds"):
        read_sound(write_wav(tmp_path / "a.wav", tone()), rate=16_000, channels=1, most_seconds=0.5)


def test_what_holds_no_sound_is_refused_by_name(tmp_path: Path):
    (tmp_path / "text.wav").write_text("RIFF, but not so")
    (tmp_path / "list.mp3").write_text("#EXTM3U\n/etc/passwd\n")
    write_wav(tmp_path / "empty.wav", np.zeros(0))
    write_clip(tmp_path / "mute.mp4", [numbered(n) for n in range(3)])
    for name in ("text.wav", "list.mp3", "empty.wav", "mute.mp4", "none.wav"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read_sound(tmp_path / name, rate=16_000, channels=1, most_seconds=2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(5, 100), st.floats(-1, 1)), min_size=1, max_size=4))
def test_a_mix_is_the_sum_of_its_parts_cut_at_full(parts: list[tuple[int, int, float]]):
    rate, expected = 100, np.zeros(200)
    for start, length, level in parts:
        expected[start : start + length] += np.float32(level)
    clips = [(start / rate, clip_of(np.full((length, 2), level, np.float32), rate)) for start, length, level in parts]
    mixed = mix(clips, 2.0)
    assert mixed is not None and mixed.duration == 2.0
    got = mixed.get_frame((np.arange(200) + 0.25) / rate)
    assert np.abs(got - np.clip(expected, -1, 1)[:, None]).max() < 1e-5


def test_nothing_together_is_no_sound():
    assert mix([], 1.0) is None
