from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.media.timing import STANDARD_RATES, count_steps, hold, measure_timing, sample_times

MILLISECOND = Fraction(1, 1000)


def rounded_ticks(fps: Fraction, count: int, tick: Fraction) -> np.ndarray:
    return np.array([round(k / fps / tick) for k in range(count)], np.int64)


def test_one_frame_lasts_one_step_of_the_stated_rate():
    timing = measure_timing(np.array([7]), 0, MILLISECOND, [Fraction(50)])
    assert (timing.fps, timing.variable, timing.duration) == (Fraction(50), False, Fraction(1, 50))


@given(
    st.sampled_from(STANDARD_RATES), st.integers(40, 400), st.sampled_from([MILLISECOND, Fraction(1, 90000), Fraction(1, 600)])
)
def test_standard_rates_are_found_through_rounded_time_stamps(fps, count, tick):
    ticks = rounded_ticks(fps, count, tick)
    timing = measure_timing(ticks, 0, tick, [None])
    assert not timing.variable
    # Rounding leaves 29.97 and 30 apart only after the stamps of one are a tick off the other's.
    assert abs(timing.fps - fps) <= fps * fps * 2 * tick / count
    assert count_steps(timing.duration, timing.fps) == count


def test_a_stated_standard_rate_settles_what_a_short_clip_leaves_open():
    ticks = rounded_ticks(Fraction(30000, 1001), 5, MILLISECOND)
    assert measure_timing(ticks, 33, MILLISECOND, [Fraction(30000, 1001)]).fps == Fraction(30000, 1001)


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(1000, 33), Fraction(2999, 100), Fraction(1, 5)])
def test_evenly_spaced_frames_give_their_exact_rate(fps):
    tick = 1 / (fps * 512)
    timing = measure_timing(np.arange(4) * 512, 512, tick, [fps])
    assert timing.fps == fps and timing.duration == 4 / fps


def test_jittered_frames_are_variable_and_named_by_their_usual_step():
    ticks = np.cumsum([0, *([33, 33, 34] * 10), 100, 33, 40, 33, 33, 27])
    timing = measure_timing(ticks, 33, MILLISECOND, [Fraction(24)])
    assert timing.variable and timing.fps in (Fraction(30), Fraction(30000, 1001))


def test_a_long_last_frame_counts_in_full():
    timing = measure_timing(np.array([0, 4, 8]), 40, Fraction(1, 100), [None])
    assert timing.duration == Fraction(48, 100) and count_steps(timing.duration, timing.fps) == 12


def test_damaged_timestamps_hours_apart_still_have_a_rate():
    timing = measure_timing(np.array([0, 5_000_000, 12_000_000]), 0, MILLISECOND, [Fraction(25)])
    assert 0 < timing.fps < 1 and timing.variable and timing.duration > 12_000


@given(
    steps=st.lists(st.integers(1, 90), min_size=1, max_size=30),
    fps=st.sampled_from([Fraction(24), Fraction(30000, 1001), Fraction(60)]),
    start=st.integers(0, 200),
)
def test_hold_gives_the_frame_on_screen(steps, fps, start):
    """Oracle: of all frames, the last that has appeared; nothing once the last one's time is over."""
    begins = np.concatenate([[0], np.cumsum(steps)])
    shown = [(int(t) * MILLISECOND, Fraction(40, 1000), k) for k, t in enumerate(begins)]
    end = shown[-1][0] + shown[-1][1]
    moments = list(sample_times(start * MILLISECOND, fps, 20))
    expected = [max(k for t, _, k in shown if t <= m) for m in moments if m < end]
    assert list(hold(shown, moments)) == expected


def test_half_the_rate_takes_every_second_frame_however_stamps_are_rounded():
    ticks = rounded_ticks(Fraction(60), 60, MILLISECOND)
    frames = [(int(t) * MILLISECOND, Fraction(1, 60), k) for k, t in enumerate(ticks)]
    assert list(hold(frames, sample_times(Fraction(0), Fraction(30), 30))) == list(range(0, 60, 2))


def test_a_count_is_never_none():
    assert count_steps(Fraction(1, 1000), Fraction(25)) == 1
