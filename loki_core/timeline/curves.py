"""One number over time: keys, and what lies between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from loki_core.errors import InputError

__all__ = ["INTERPOLATIONS", "Curve", "Interpolation", "Key", "sample", "shares", "with_key"]

Interpolation = Literal["constant", "linear", "ease", "bezier"]
"""From a key to the next: held; straight; slow at both ends; along the keys' handles."""

INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)
_HALVINGS = 40
"""Of the Bezier parameter: to about 1e-12 of a segment."""
_STEEPEST = 3.0
"""Slope of an automatic handle over that of either chord beside it, up to which a cubic is monotone (Fritsch, Carlson 1980)."""


@dataclass(frozen=True, order=True)
class Key:
    """A value at a frame."""

    frame: int
    value: float
    interpolation: Interpolation = "bezier"
    left: tuple[float, float] | None = None
    """The handle towards the key before: frames (negative) and value from here; None = automatic, which never overshoots."""
    right: tuple[float, float] | None = None
    """The handle towards the next key: frames (positive) and value from here."""

    def __post_init__(self) -> None:
        numbers = [self.value, *(self.left or ()), *(self.right or ())]
        if not all(math.isfinite(number) for number in numbers):
            raise InputError(f"expected finite numbers in a key, got {numbers}")
        if (self.left and self.left[0] > 0) or (self.right and self.right[0] < 0):
            raise InputError("expected the left handle before its key and the right one after it; swap them")


@dataclass(frozen=True)
class Curve:
    """Keys in the order of their frames, one a frame. Before the first and after the last the value is held."""

    keys: tuple[Key, ...] = ()

    def __post_init__(self) -> None:
        frames = [key.frame for key in self.keys]
        if sorted(set(frames)) != frames:
            raise ValueError(f"expected keys in order, one a frame, got frames {frames}")


def with_key(curve: Curve, frame: int, value: float) -> Curve:
    """With a key at `frame`: a new one, or a new value of the one that is there."""
    keys = {key.frame: key for key in curve.keys}
    keys[frame] = replace(keys[frame], value=float(value)) if frame in keys else Key(frame, float(value))
    return Curve(tuple(keys[at] for at in sorted(keys)))


def sample(curve: Curve, frames: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    """Values at `frames`, which may lie between whole ones. Raises `ValueError` for a curve without keys."""
    if not curve.keys:
        raise ValueError("expected a curve with at least one key, got none")
    values = np.array([key.value for key in curve.keys], dtype=np.float64)
    index, share = shares(curve, frames)
    result = values[index]
    for segment in np.unique(index[share > 0]):
        inside = (index == segment) & (share > 0)
        first, second = curve.keys[segment], curve.keys[segment + 1]
        if first.interpolation == "bezier":
            (_, low), (_, high) = _handles(curve, int(segment))
            result[inside] = _bernstein(share[inside], first.value, low, high, second.value)
        else:
            result[inside] = first.value + share[inside] * (second.value - first.value)
    return result


def shares(curve: Curve, frames: Float[np.ndarray, "T"]) -> tuple[np.ndarray, Float[np.ndarray, "T"]]:
    """For each frame the key at or before it, and the way to the next, 0 to 1: eased, or the parameter of the Bezier curve."""
    at = np.array([key.frame for key in curve.keys], dtype=np.float64)
    index = (np.searchsorted(at, frames, side="right") - 1).clip(0, len(at) - 1)
    share = np.zeros(len(frames))
    for segment in np.unique(index):
        if segment + 1 == len(at):
            continue
        inside = (index == segment) & (frames > at[segment])
        time = (frames[inside] - at[segment]) / (at[segment + 1] - at[segment])
        share[inside] = _eased(curve, int(segment), time)
    return index, share


def _eased(curve: Curve, segment: int, time: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    kind = curve.keys[segment].interpolation
    if kind == "constant":
        return np.zeros_like(time)
    if kind == "linear":
        return time
    if kind == "ease":
        return time * time * (3 - 2 * time)
    (first, _), (second, _) = _handles(curve, segment)
    low, high = np.zeros_like(time), np.ones_like(time)
    for _ in range(_HALVINGS):  # time rises with the parameter, since both handles lie within the segment
        middle = (low + high) / 2
        early = _bernstein(middle, 0.0, first, second, 1.0) < time
        low, high = np.where(early, middle, low), np.where(early, high, middle)
    return (low + high) / 2


def _bernstein(t: Float[np.ndarray, "N"], a: float, b: float, c: float, d: float) -> Float[np.ndarray, "N"]:
    s = 1 - t
    return s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d


def _handles(curve: Curve, segment: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Inner control points of a segment: time as a share of it, cut to 0..1, and value."""
    first, second = curve.keys[segment], curve.keys[segment + 1]
    length = second.frame - first.frame
    right = first.right or (length / 3, _slope(curve, segment) * length / 3)
    left = second.left or (-length / 3, -_slope(curve, segment + 1) * length / 3)
    shorter, later = (min(1.0, abs(handle[0]) / length) for handle in (right, left))
    scale = [min(1.0, length / max(abs(handle[0]), 1e-9)) for handle in (right, left)]
    return (shorter, first.value + right[1] * scale[0]), (1 - later, second.value + left[1] * scale[1])


def _slope(curve: Curve, index: int) -> float:
    """Of a key's automatic handles: level at ends and turning points, else as its neighbours lie, but never too steep."""
    if index in (0, len(curve.keys) - 1):
        return 0.0
    before, here, after = curve.keys[index - 1 : index + 2]
    rise = (here.value - before.value) / (here.frame - before.frame)
    fall = (after.value - here.value) / (after.frame - here.frame)
    if rise * fall <= 0:
        return 0.0
    mean = (after.value - before.value) / (after.frame - before.frame)
    return math.copysign(min(abs(mean), _STEEPEST * min(abs(rise), abs(fall))), mean)
