"""Where a clip cuts from one scene to another."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, UInt8

__all__ = ["find_scenes"]

_SIDE = 32
"""Pixels that frames are shrunk to."""
_CHANGE = 27.0
"""Mean change of hue, saturation and brightness (0 to 255) between two frames that is a cut: PySceneDetect's threshold."""
_SUDDEN = 3.0
"""Times the changes around it that a cut changes at least: fast motion lasts, a cut does not."""
_AROUND = 2
"""Frames on either side that are looked at for that."""


def find_scenes(frames: Iterable[UInt8[np.ndarray, "H W 3"]]) -> tuple[range, ...]:
    """The scenes of a clip as ranges of frame numbers, in order; together they are the whole clip. Frames are streamed."""
    changes = [_change(before, after) for before, after in pairwise(map(_small, frames))]
    cuts = [t + 1 for t, change in enumerate(changes) if change > _CHANGE and change > _SUDDEN * _surrounding(changes, t)]
    return tuple(range(first, last) for first, last in pairwise([0, *cuts, len(changes) + 1]))


def _small(frame: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "h w 3"]:
    """Hue, saturation and brightness, 0 to 255."""
    shrunk = cv2.resize(frame, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(shrunk, cv2.COLOR_RGB2HSV).astype(np.float32) * np.array([255 / 180, 1, 1], np.float32)


def _change(before: Float[np.ndarray, "h w 3"], after: Float[np.ndarray, "h w 3"]) -> float:
    """Mean absolute change of the channels; hue is a circle, and means nothing where there is no colour."""
    apart = np.abs(after - before)
    apart[..., 0] = np.minimum(apart[..., 0], 255 - apart[..., 0]) * np.minimum(before[..., 1], after[..., 1]) / 255
    return float(apart.mean())


def _surrounding(changes: list[float], t: int) -> float:
    """Mean change of the neighbours of change `t`."""
    near = changes[max(t - _AROUND, 0) : t] + changes[t + 1 : t + 1 + _AROUND]
    return sum(near) / len(near) if near else 0.0
