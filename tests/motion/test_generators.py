from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.head.controls import check_controls
from loki_core.motion.generators import (
    BlinkSettings,
    BreathingSettings,
    IdleSettings,
    SaccadeSettings,
    blinks,
    breathing,
    idle,
    saccades,
)

FPS = Fraction(100)
SEEDS = st.integers(0, 2**32)
SETTINGS = st.builds(
    IdleSettings,
    st.builds(BlinkSettings, st.floats(0.5, 30), st.floats(0, 1), st.floats(0.1, 0.5), st.floats(0, 1)),
    st.builds(SaccadeSettings, st.floats(0.2, 30), st.floats(0.05, 5), st.floats(0, 1), st.floats(0, 20)),
    st.builds(BreathingSettings, st.floats(0.05, 1), st.floats(0, 5), st.floats(0, 1), st.floats(0, 5)),
)


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """First index and one past the last of every stretch that is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


@given(SETTINGS, SEEDS, st.integers(1, 400), st.sampled_from([Fraction(24), Fraction(30000, 1001), Fraction(60)]))
def test_every_value_lies_in_its_controls_range(settings: IdleSettings, seed: int, frames: int, fps: Fraction) -> None:
    for name, track in idle(frames, fps, settings, seed=seed).items():
        assert track.shape == (frames,)
        check_controls({name: float(track.min())})
        check_controls({name: float(track.max())})


@given(SETTINGS, SEEDS, st.integers(1, 300))
def test_a_seed_gives_the_same_tracks_and_a_longer_clip_begins_as_a_shorter_one(
    settings: IdleSettings, seed: int, frames: int
) -> None:
    short, long = (idle(count, FPS, settings, seed=seed) for count in (frames, frames + 200))
    for name, track in short.items():
        np.testing.assert_allclose(track, long[name][:frames], atol=1e-9)
        np.testing.assert_array_equal(track, idle(frames, FPS, settings, seed=seed)[name])


@pytest.mark.parametrize("generate", [blinks, saccades, breathing])
def test_seeds_differ(generate: Callable[..., dict[str, np.ndarray]]) -> None:
    settings = {blinks: BlinkSettings(), saccades: SaccadeSettings(), breathing: BreathingSettings()}[generate]
    one, other = (generate(1000, FPS, settings, seed=seed) for seed in (1, 2))
    assert all(np.abs(one[name] - other[name]).max() > 1e-3 for name in one)


def test_blinks_come_every_four_seconds_or_so_and_close_faster_than_they_open() -> None:
    closure = blinks(60_000, FPS, BlinkSettings(), seed=7)["eyeBlinkLeft"]
    found = runs(closure > 0)
    intervals = np.diff([start for start, _ in found]) / 100
    assert 3.5 < np.median(intervals) < 4.5 and intervals.std() > 1
    assert np.log(intervals).std() == pytest.approx(0.45, abs=0.08)
    for start, end in found[:-1]:
        blink = closure[start:end]
        shut = int(blink.argmax())
        assert blink.max() > 0.99 and 0.2 <= (end - start) / 100 <= 0.26
        assert 1.4 * shut < len(blink) - shut


def test_both_lids_blink_together() -> None:
    tracks = blinks(500, FPS, BlinkSettings(interval=1), seed=0)
    np.testing.assert_array_equal(tracks["eyeBlinkLeft"], tracks["eyeBlinkRight"])


def test_glances_jump_rest_and_return_as_long_as_the_main_sequence_says() -> None:
    fps = Fraction(1000)
    tracks = saccades(60_000, fps, SaccadeSettings(), seed=3)
    gaze = np.hypot(tracks["gazeYaw"], tracks["gazePitch"])
    assert gaze.max() <= 4 and np.median(gaze) == 0
    jumps = runs(np.hypot(np.diff(tracks["gazeYaw"]), np.diff(tracks["gazePitch"])) > 1e-9)
    sizes = [abs(float(gaze[end] - gaze[start])) for start, end in jumps]
    assert len(jumps) > 30
    for (start, end), size in zip(jumps[:-1], sizes[:-1], strict=True):
        assert (end - start) / 1000 == pytest.approx(0.021 + 0.0022 * size, abs=0.003)
    assert sizes[0:-1:2][:10] == pytest.approx(sizes[1::2][:10], abs=1e-6)  # out and back


def test_breath_rises_fifteen_times_a_minute_and_stays_tiny() -> None:
    tracks = breathing(6000, FPS, BreathingSettings(), seed=5)
    spectrum = np.abs(np.fft.rfft(tracks["headY"]))
    assert np.fft.rfftfreq(6000, 0.01)[spectrum.argmax()] == pytest.approx(0.25, abs=0.01)
    assert np.corrcoef(tracks["headY"], tracks["headPitch"])[0, 1] == pytest.approx(-1)
    assert max(np.abs(tracks[name]).max() for name in ("headPitch", "headYaw", "headRoll")) <= 0.6


def test_one_generator_does_not_change_with_anothers_settings() -> None:
    usual = idle(300, FPS, IdleSettings(), seed=1)
    busy = idle(300, FPS, IdleSettings(blinks=BlinkSettings(interval=0.5)), seed=1)
    np.testing.assert_array_equal(usual["gazeYaw"], busy["gazeYaw"])
    assert (usual["eyeBlinkLeft"] != busy["eyeBlinkLeft"]).any()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BlinkSettings(interval=0.1), "expected interval from 0.5 to 30, got 0.1"),
        (lambda: SaccadeSettings(reach=float("nan")), "expected reach from 0 to 20, got nan"),
        (lambda: BreathingSettings(rate=2), "expected rate from 0.05 to 1, got 2"),
    ],
)
def test_settings_out_of_range_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
