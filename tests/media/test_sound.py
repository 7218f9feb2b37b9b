from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from moviepy.audio.AudioClip import AudioClip

from loki_core.media.sound import driver_sound
from loki_core.media.video_in import probe, read_frames
from loki_core.media.video_out import open_writer
from tests.media.clips import Beep, beep_time, write_clip

FPS = Fraction(30000, 1001)
FLASH = 45
DARK, BRIGHT = np.zeros((64, 96, 3), np.uint8), np.full((64, 96, 3), 255, np.uint8)


def flash_and_beep(path, *, codec="aac", rate=44100, video="libx264", picture_delay="0", sound_delay="0"):
    """Two seconds and a half; frame 45 is bright, and at that instant a tone begins."""
    frames = [BRIGHT if k == FLASH else DARK for k in range(75)]
    pictures, sound = Fraction(picture_delay), Fraction(sound_delay)
    beep = Beep(float(FLASH / FPS + pictures - sound), 2.4, codec, rate, sound)
    return write_clip(path, frames, fps=FPS, codec=video, delay=pictures, tick=Fraction(1, 90000), beep=beep)


def instants(path) -> tuple[float, float]:
    """When a player shows the flash and sounds the tone. Reads the file without the code under test."""
    with av.open(str(path)) as container:
        bright = [f.time for f in container.decode(video=0) if f.to_ndarray(format="gray").mean() > 127]
    with av.open(str(path)) as container:
        pieces = list(container.decode(audio=0))
    loud = next(f for f in pieces if np.abs(f.to_ndarray()).max() > 0.25)
    assert bright[0] is not None and loud.time is not None
    return bright[0], loud.time + beep_time(loud.to_ndarray().T, loud.sample_rate)


def heard(path, **span) -> AudioClip:
    sound = driver_sound(path, **span)
    assert sound is not None
    return sound


CASES: list[tuple[str, dict[str, Any]]] = [
    ("plain.mp4", {}),
    ("late.mp4", {"sound_delay": "0.4"}),
    ("early.mkv", {"picture_delay": "0.5"}),
    ("both.ts", {"picture_delay": "0.3", "sound_delay": "0.1"}),
    ("opus.webm", {"codec": "libopus", "rate": 48000, "video": "libvpx-vp9"}),
    ("pcm.mov", {"codec": "pcm_s16le", "rate": 22050}),
    ("mp3.avi", {"codec": "libmp3lame", "video": "mpeg4"}),
]


@pytest.mark.parametrize(("name", "how"), CASES, ids=[name for name, _ in CASES])
def test_flash_and_beep_stay_together_whole_and_trimmed(tmp_path, name, how):
    source = flash_and_beep(tmp_path / name, **how)
    info = probe(source)
    assert info.fps == FPS and info.has_sound
    for start in (None, Fraction("0.7"), Fraction("1.3")):
        with open_writer(tmp_path / "out.mp4", info.fps, info.size, sound=driver_sound(source, start=start)) as writer:
            for frame in read_frames(source, start=start):
                writer.write(frame)
        flash, beep = instants(tmp_path / "out.mp4")
        assert abs(flash - beep) < 1 / FPS
        assert abs(flash - float(FLASH / FPS - (start or 0))) < 1 / FPS


def test_samples_are_cut_to_the_very_one(tmp_path):
    source = flash_and_beep(tmp_path / "p.mov", codec="pcm_s16le")
    whole = heard(source).to_soundarray()
    part = heard(source, start=Fraction(1), end=Fraction(2)).to_soundarray()
    assert part.shape == (44100, 2)
    np.testing.assert_array_equal(part, whole[44100:88200])


def test_sound_is_as_long_as_the_pictures_and_silent_where_it_has_ended(tmp_path):
    source = flash_and_beep(tmp_path / "s.mp4")
    sound = heard(source)
    assert abs(sound.duration - float(probe(source).duration)) < 1e-6
    samples = sound.to_soundarray()
    assert np.abs(samples[-2000:]).max() == 0 and np.abs(samples).max() > 0.7


def test_reading_backwards_gives_the_same_samples(tmp_path):
    sound = heard(flash_and_beep(tmp_path / "p.mov", codec="pcm_s16le", sound_delay="0.2"))
    times = np.arange(60000, 70000) / 44100
    late = sound.get_frame(times)
    sound.get_frame(np.arange(100) / 44100)
    np.testing.assert_array_equal(sound.get_frame(times), late)


def test_a_gap_in_the_sound_does_not_move_what_follows(tmp_path):
    whole = flash_and_beep(tmp_path / "w.mp4")
    with av.open(str(whole)) as source, av.open(str(tmp_path / "gap.mkv"), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            missing = packet.stream.type == "audio" and packet.pts is not None and 0.4 < packet.pts * packet.time_base < 1.1
            if packet.dts is not None and not missing:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    samples = heard(tmp_path / "gap.mkv").to_soundarray()
    assert abs(beep_time(samples, 44100) - FLASH / FPS) < 0.01


def test_a_silent_clip_has_no_sound(tmp_path):
    assert driver_sound(write_clip(tmp_path / "silent.mp4", [DARK] * 5)) is None
