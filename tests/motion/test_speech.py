from __future__ import annotations

import string
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.controls import check_controls
from loki_core.motion.speech import SoundSettings, TextSettings, speech_from_sound, speech_from_text

FPS = Fraction(25)
RATE = 16000
SHARE = st.floats(0, 1)
SOUNDS = st.builds(
    SoundSettings, floor=st.floats(-90, -40), ceiling=st.floats(-30, 0), opening=SHARE, lips=SHARE, smoothing=st.floats(0, 0.2)
)
TEXTS = st.builds(TextSettings, st.floats(4, 30), SHARE, st.floats(0.005, 0.2))
WORDS = st.text(string.ascii_letters + " .,'äöüß", min_size=1, max_size=60).map(lambda text: "o" + text)


def check(tracks: dict[str, np.ndarray], frames: int) -> None:
    for name, track in tracks.items():
        assert track.shape == (frames,)
        check_controls({name: float(track.min())})
        check_controls({name: float(track.max())})


def tone(frequency: float, amplitude: float, seconds: float = 2.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)


@given(SOUNDS, st.integers(0, 2**32), st.integers(1, 80), st.sampled_from([Fraction(24), Fraction(30000, 1001)]))
def test_sound_keeps_the_ranges_of_the_controls(settings: SoundSettings, seed: int, frames: int, fps: Fraction) -> None:
    random = np.random.default_rng(seed)
    samples = random.standard_normal(int(random.integers(0, 20_000))) * random.uniform(0, 2)
    check(speech_from_sound(samples, RATE, frames, fps, settings), frames)


def test_silence_shuts_the_mouth() -> None:
    for samples in (np.zeros(RATE), np.zeros(0), np.full(10, np.nan)):
        assert all(not track.any() for track in speech_from_sound(samples, RATE, 30, FPS, SoundSettings()).values())


def test_levels_in_decibels_open_the_jaw_in_proportion() -> None:
    settings = SoundSettings(floor=-60, ceiling=-20, opening=0.8, smoothing=0)
    jaws = []
    for decibels in (-60.1, -50, -40, -20, -10):
        samples = tone(200, np.sqrt(2) * 10 ** (decibels / 20))
        jaws.append(speech_from_sound(samples, RATE, 40, FPS, settings)["jawOpen"][20])
    assert jaws == pytest.approx([0, 0.2, 0.4, 0.8, 0.8], abs=1e-3)


def test_bright_sounds_stretch_the_lips_and_dark_ones_round_them() -> None:
    dark, bright = (speech_from_sound(tone(f, 0.5), RATE, 40, FPS, SoundSettings()) for f in (200, 5000))
    assert dark["mouthFunnel"][20] > 0.2 and dark["mouthStretchLeft"][20] < 0.01
    assert bright["mouthStretchLeft"][20] > 0.2 and bright["mouthFunnel"][20] < 0.01
    assert bright["jawOpen"][20] < dark["jawOpen"][20] / 2


def test_the_mouth_moves_when_the_sound_does() -> None:
    samples = np.concatenate([np.zeros(RATE), tone(200, 0.5, 1.0), np.zeros(RATE)])
    jaw = speech_from_sound(samples, RATE, 100, FPS, SoundSettings())["jawOpen"]
    assert jaw[:22].max() < 0.01 and jaw[53:].max() < 0.01 and jaw[28:47].min() > 0.5


@given(WORDS, TEXTS)
def test_text_keeps_the_ranges_and_rests_at_both_ends(text: str, settings: TextSettings) -> None:
    tracks = speech_from_text(text, FPS, settings)
    check(tracks, len(tracks["jawOpen"]))
    assert max(float(track[0]) for track in tracks.values()) < 1e-6
    assert max(float(track[-1]) for track in tracks.values()) < 1e-6
    again = speech_from_text(text, FPS, settings)
    assert all((track == again[name]).all() for name, track in tracks.items())


def test_letters_make_their_mouths_in_turn() -> None:
    tracks = speech_from_text("a m u f", Fraction(200), TextSettings(pace=4, strength=1, smoothing=0.02))
    peaks = [int(tracks[name].argmax()) for name in ("jawOpen", "mouthPressLeft", "mouthPucker", "mouthShrugLower")]
    assert peaks == sorted(peaks)
    assert tracks["jawOpen"][peaks[1]] < 0.01 and tracks["mouthPressLeft"][peaks[1]] > 0.44
    assert tracks["jawOpen"][peaks[0]] == pytest.approx(0.6, abs=0.01)


def test_neighbours_colour_each_other() -> None:
    crisp, soft = (speech_from_text("moma", Fraction(100), TextSettings(smoothing=s), duration=2.0) for s in (0.01, 0.15))
    jumps = [float(np.abs(np.diff(tracks["jawOpen"])).max()) for tracks in (crisp, soft)]
    assert jumps[1] < jumps[0] / 4


@given(st.floats(1.0, 20), WORDS)
def test_speech_takes_the_time_that_is_given(seconds: float, text: str) -> None:
    frames = len(speech_from_text(text, FPS, TextSettings(), duration=seconds)["jawOpen"])
    assert 0 <= frames - 1 - seconds * 25 <= 1 + 1e-6


def test_longer_text_takes_longer_and_pairs_are_one_sound() -> None:
    count = {text: len(speech_from_text(text, FPS, TextSettings())["jawOpen"]) for text in ("sh", "s h", "ship", "ship ahoy")}
    assert count["sh"] < count["s h"] and count["ship"] < count["ship ahoy"]
    assert (
        speech_from_text("ÉTÉ", FPS, TextSettings())["jawOpen"] == speech_from_text("ete", FPS, TextSettings())["jawOpen"]
    ).all()


@pytest.mark.parametrize(
    ("text", "duration", "words"),
    [
        ("", None, "expected text with letters"),
        (" ... ", None, "expected text with letters"),
        ("route 66", None, "Latin letters and punctuation, got '6'; write it out"),
        ("мама", None, "got 'м'"),
        ("a" * 20_001, None, "at most 20000 characters, got 20001"),
        ("hello", 0.1, "expected speech of 0.40 to 3600 seconds, got 0.10"),
        ("hello", float("nan"), "expected speech of"),
        ("hello", 1e9, "expected speech of"),
    ],
)
def test_what_cannot_be_said_is_refused(text: str, duration: float | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        speech_from_text(text, FPS, TextSettings(), duration=duration)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="expected ceiling from -25 to 0, got -28"):
        SoundSettings(floor=-30, ceiling=-28)
    with pytest.raises(ValueError, match="expected pace from 4 to 30, got 0"):
        TextSettings(pace=0)
