"""What a face does while nothing happens: blinks, glances and breathing, as tracks of named controls.

Everything comes from a seed: the same seed gives the same tracks, and a longer clip begins as a shorter one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from jaxtyping import Float

__all__ = [
    "BlinkSettings", "BreathingSettings", "ControlValues", "IdleSettings", "SaccadeSettings", "blinks", "breathing", "idle",
    "saccades", "within",
]  # fmt: skip

ControlValues = dict[str, Float[np.ndarray, "T"]]
"""One value a frame for each control, in the control's unit and range."""

_CLOSED, _OPENING = 0.3, 0.4
"""Shares of a blink at which the lids are shut and begin to rise: lids fall about twice as fast as they rise."""
_SACCADE_BASE, _SACCADE_PER_DEGREE = 0.021, 0.0022
"""Seconds, and seconds a degree, that a saccade takes: the main sequence (Carpenter, Movements of the Eyes, 1988)."""
_VERTICAL = 0.5
"""Share of a glance's reach up and down; glances go to the side more than up and down."""
_BLINKS, _SACCADES, _BREATHING = range(3)
"""Each generator draws from its own stream, so that one does not change with the other's settings."""


@dataclass(frozen=True)
class BlinkSettings:
    """Blinks of both lids at log-normal intervals."""

    interval: float = 4.0
    """Seconds from one blink to the next, in the middle (median): 0.5 to 30."""
    spread: float = 0.45
    """Standard deviation of the interval's logarithm: 0 = a metronome, up to 1."""
    duration: float = 0.25
    """Seconds: 0.1 to 0.5."""
    closure: float = 1.0
    """Share to which the lids close: 0 to 1."""

    def __post_init__(self) -> None:
        within("interval", self.interval, 0.5, 30)
        within("spread", self.spread, 0, 1)
        within("duration", self.duration, 0.1, 0.5)
        within("closure", self.closure, 0, 1)


@dataclass(frozen=True)
class SaccadeSettings:
    """Glances aside and back."""

    interval: float = 1.5
    """Seconds from one glance's end to the next one's start, in the middle (median): 0.2 to 30."""
    hold: float = 0.4
    """Seconds for which a glance rests, in the middle (median): 0.05 to 5."""
    spread: float = 0.5
    """Standard deviation of the logarithm of both: 0 to 1."""
    reach: float = 4.0
    """Degrees of the largest glance: 0 to 20. Small ones are the more frequent."""

    def __post_init__(self) -> None:
        within("interval", self.interval, 0.2, 30)
        within("hold", self.hold, 0.05, 5)
        within("spread", self.spread, 0, 1)
        within("reach", self.reach, 0, 20)


@dataclass(frozen=True)
class BreathingSettings:
    """The head rises, nods and drifts a little."""

    rate: float = 0.25
    """Breaths a second: 0.05 to 1."""
    nod: float = 0.4
    """Degrees up and down with the breath: 0 to 5."""
    lift: float = 0.08
    """Centimetres up and down with the breath: 0 to 1."""
    sway: float = 0.6
    """Degrees of the slow drift to either side: 0 to 5."""

    def __post_init__(self) -> None:
        within("rate", self.rate, 0.05, 1)
        within("nod", self.nod, 0, 5)
        within("lift", self.lift, 0, 1)
        within("sway", self.sway, 0, 5)


@dataclass(frozen=True)
class IdleSettings:
    """All of them together."""

    blinks: BlinkSettings = field(default_factory=BlinkSettings)
    saccades: SaccadeSettings = field(default_factory=SaccadeSettings)
    breathing: BreathingSettings = field(default_factory=BreathingSettings)


def idle(frames: int, fps: Fraction, settings: IdleSettings, *, seed: int) -> ControlValues:
    """Blinks, glances and breathing: no control is moved by two of them."""
    return {
        **blinks(frames, fps, settings.blinks, seed=seed),
        **saccades(frames, fps, settings.saccades, seed=seed),
        **breathing(frames, fps, settings.breathing, seed=seed),
    }


def blinks(frames: int, fps: Fraction, settings: BlinkSettings, *, seed: int) -> ControlValues:
    """eyeBlinkLeft and eyeBlinkRight. Lids close in the first third of a blink; blinks do not overlap."""
    time = _times(frames, fps)
    starts = _blink_starts(settings, frames / float(fps), np.random.default_rng((seed, _BLINKS)))
    closure = np.zeros(frames)
    for start in starts:
        share = (time - start) / settings.duration
        closure += _smooth(share / _CLOSED) - _smooth((share - _OPENING) / (1 - _OPENING))
    closure = np.clip(closure * settings.closure, 0, 1)
    return {"eyeBlinkLeft": closure, "eyeBlinkRight": closure.copy()}


def saccades(frames: int, fps: Fraction, settings: SaccadeSettings, *, seed: int) -> ControlValues:
    """gazeYaw and gazePitch in degrees: jumps as long as the main sequence says, each held, then taken back."""
    time = _times(frames, fps)
    gaze = np.zeros((frames, 2))
    for start, end, jump in _glances(settings, frames / float(fps), np.random.default_rng((seed, _SACCADES))):
        duration = _SACCADE_BASE + _SACCADE_PER_DEGREE * float(np.linalg.norm(jump))
        gaze += (_smooth((time - start) / duration) - _smooth((time - end) / duration))[:, None] * jump
    return {"gazeYaw": gaze[:, 0], "gazePitch": gaze[:, 1]}


def breathing(frames: int, fps: Fraction, settings: BreathingSettings, *, seed: int) -> ControlValues:
    """headPitch, headYaw, headRoll in degrees and headY in centimetres: breath as a sine, drift as two slower ones."""
    time = _times(frames, fps) * settings.rate * 2 * np.pi
    breath, *drift = np.random.default_rng((seed, _BREATHING)).uniform(0, 2 * np.pi, 5)
    slow = [(np.sin(0.37 * time + a) + np.sin(0.23 * time + b)) / 2 for a, b in zip(drift[::2], drift[1::2], strict=True)]
    return {
        "headPitch": -settings.nod * np.sin(time + breath),
        "headY": settings.lift * np.sin(time + breath),
        "headYaw": settings.sway * slow[0],
        "headRoll": settings.sway / 2 * slow[1],
    }


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise `ValueError` where a setting lies outside its range, or is no number."""
    if not low <= value <= high:
        raise ValueError(f"expected {name} from {low:g} to {high:g}, got {value:g}")


def _times(frames: int, fps: Fraction) -> Float[np.ndarray, "T"]:
    return np.arange(frames) / float(fps)


def _smooth(share: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    """0 up to 0, 1 from 1 on, slow at both ends between."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def _blink_starts(settings: BlinkSettings, end: float, random: np.random.Generator) -> Iterator[float]:
    """The first comes somewhere within an interval."""
    time = random.uniform() * settings.interval
    while time < end:
        yield time
        time += max(settings.duration, settings.interval * random.lognormal(0, settings.spread))


def _glances(
    settings: SaccadeSettings, end: float, random: np.random.Generator
) -> Iterator[tuple[float, float, Float[np.ndarray, "2"]]]:
    """When each leaves, when it goes back, and its yaw and pitch in degrees."""
    time = 0.0
    while True:
        time += settings.interval * random.lognormal(0, settings.spread)
        if time >= end:
            return
        size, angle = settings.reach * random.uniform() ** 2, random.uniform(0, 2 * np.pi)
        jump = size * np.array([np.cos(angle), _VERTICAL * np.sin(angle)])
        arrived = time + _SACCADE_BASE + _SACCADE_PER_DEGREE * size
        back = arrived + settings.hold * random.lognormal(0, settings.spread)
        yield time, back, jump
        time = back + _SACCADE_BASE + _SACCADE_PER_DEGREE * size
