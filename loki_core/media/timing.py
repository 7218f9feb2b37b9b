"""When frames are shown: constant or variable rate, the nominal rate, and resampling by presentation time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from jaxtyping import Int

__all__ = ["STANDARD_RATES", "Timing", "count_steps", "hold", "measure_timing", "sample_times"]

STANDARD_RATES = tuple(
    Fraction(n, d)
    for n, d in (
        (8, 1), (10, 1), (12, 1), (25, 2), (15, 1), (20, 1), (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1),
        (48000, 1001), (48, 1), (50, 1), (60000, 1001), (60, 1), (90, 1), (100, 1), (120000, 1001), (120, 1), (240, 1),
    )
)  # fmt: skip
"""Rates that cameras and programs use, frames a second."""

_SAMPLE_AT = Fraction(9, 20)
"""Where in an output frame the input is looked at. A little before the middle, so that a rate and its half or its double
pick frames evenly however their timestamps were rounded."""

_FINEST = 1001
"""Largest denominator of a rate that is not a standard one. The slowest is then a frame in 1001 seconds, and never 0."""

T = TypeVar("T")


@dataclass(frozen=True)
class Timing:
    """When a clip's frames are shown, seconds."""

    fps: Fraction
    """The constant rate, or the nominal one of a clip with a variable rate."""
    variable: bool
    origin: Fraction
    """When the first frame is shown, on the file's own clock."""
    duration: Fraction
    """From the first frame's appearance to the last one's end."""


def measure_timing(ticks: Int[np.ndarray, "T"], last: int, tick: Fraction, hints: Iterable[Fraction | None]) -> Timing:
    """Find the rate that explains the frames' timestamps.

    `ticks`: presentation times in units of `tick` seconds, ascending. `last`: duration of the last frame in ticks, 0 if the
    file does not say. `hints`: rates that the file's header states, most trusted first.
    """
    known = [rate for rate in hints if rate]
    if len(ticks) == 1:
        fps = known[0] if known else Fraction(25)
        return Timing(fps, False, int(ticks[0]) * tick, 1 / fps)
    mean = Fraction(len(ticks) - 1, int(ticks[-1] - ticks[0])) / tick
    candidates = _candidates(known, mean, uniform=len(set(np.diff(ticks))) == 1)
    constant = next((rate for rate in candidates if _explains(rate, ticks, tick)), None)
    fps = constant or _nominal(ticks, tick, known)
    duration = int(ticks[-1] - ticks[0]) * tick + max(last * tick, 1 / fps)
    return Timing(fps, constant is None, int(ticks[0]) * tick, duration)


def count_steps(duration: Fraction, fps: Fraction) -> int:
    """Output frames in `duration` seconds: those whose moment of sampling lies inside, and never none."""
    return max(1, math.ceil(duration * fps - _SAMPLE_AT))


def sample_times(start: Fraction, fps: Fraction, count: int) -> Iterator[Fraction]:
    """The moments, seconds, at which `count` output frames from `start` on look at the input."""
    return (start + (k + _SAMPLE_AT) / fps for k in range(count))


def hold(frames: Iterable[tuple[Fraction, Fraction, T]], moments: Iterable[Fraction]) -> Iterator[T]:
    """For each of the ascending `moments` the frame on screen then; ends where the frames end.

    `frames`: when each appears, how long it may stay if no other follows (seconds), and the frame.
    """
    pending = iter(frames)
    shown = next(pending, None)
    following = next(pending, None)
    for moment in moments:
        while following is not None and following[0] <= moment:
            shown, following = following, next(pending, None)
        if shown is None or (following is None and moment >= shown[0] + shown[1]):
            return
        yield shown[2]


def _candidates(known: list[Fraction], mean: Fraction, *, uniform: bool) -> list[Fraction]:
    """Rates to try, best first. A rate measured from rounded timestamps is only near the one that was meant."""
    if uniform:
        return [*known[:1], mean]
    standard = min(STANDARD_RATES, key=lambda rate: abs(rate - mean))
    return [*(rate for rate in known[:1] if rate in STANDARD_RATES), standard, *known[:1], mean, *known[1:]]


def _explains(rate: Fraction, ticks: Int[np.ndarray, "T"], tick: Fraction) -> bool:
    """Whether frame k is shown at k / rate, to within one tick of rounding."""
    frames = (ticks - ticks[0]) * float(tick * rate)
    return bool(np.abs(frames - np.arange(len(ticks))).max() <= min(float(tick * rate), 0.5) + 1e-6)


def _nominal(ticks: Int[np.ndarray, "T"], tick: Fraction, known: list[Fraction]) -> Fraction:
    """The rate of the usual step between frames, as a standard rate (the header's, or the nearest) if one is within 3 %."""
    usual = 1 / (Fraction(float(np.median(np.diff(ticks)))) * tick)
    standard = [rate for rate in known if rate in STANDARD_RATES] + sorted(STANDARD_RATES, key=lambda rate: abs(rate - usual))
    near = (rate for rate in standard if abs(rate - usual) <= usual * Fraction(3, 100))
    return next(near, max(usual.limit_denominator(_FINEST), Fraction(1, _FINEST)))
