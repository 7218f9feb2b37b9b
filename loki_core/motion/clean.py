"""What is done to a tracked motion before it moves a face: lost frames filled, outliers mended, trembling smoothed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from loki_core.head.model import HeadModel
from loki_core.motion.clip import Motion
from loki_core.motion.filters import Method, Part, SmoothSettings, smooth_part
from loki_core.motion.gaps import Filling, fill_frames
from loki_core.motion.jitter import measure_changes

__all__ = ["LONGEST_WINDOW", "SHORTEST_WINDOW", "Cleaning", "PartFilter", "clean_motion"]

SHORTEST_WINDOW, LONGEST_WINDOW = 0.1, 1.5
"""Seconds: under the first nothing is left to smooth at usual rates, over the second gestures melt away."""


@dataclass(frozen=True)
class PartFilter:
    """How one part is smoothed."""

    method: Literal["none"] | Method = "none"
    window: float = 0.4
    """Seconds; see `SmoothSettings`. Longer is smoother."""

    def __post_init__(self) -> None:
        if not SHORTEST_WINDOW <= self.window <= LONGEST_WINDOW:
            raise ValueError(f"expected a window from {SHORTEST_WINDOW:g} to {LONGEST_WINDOW:g} s, got {self.window:g}")


@dataclass(frozen=True)
class Cleaning:
    """All that is done to a motion. The default leaves it as it is."""

    head: PartFilter = field(default_factory=PartFilter)
    expression: PartFilter = field(default_factory=PartFilter)
    gaze: PartFilter = field(default_factory=PartFilter)
    protect_blinks: bool = True
    """Smoothing leaves the lids alone while they blink."""
    mend_outliers: bool = False
    """Frames that stick out are filled from those around them."""
    lost: Literal["tracked"] | Filling = "tracked"
    """How frames without a face are filled; tracked: as the tracker, or the file, left them."""

    def of(self, part: Part) -> PartFilter:
        """The filter of one part."""
        filters: dict[Part, PartFilter] = {"head": self.head, "expression": self.expression, "gaze": self.gaze}
        return filters[part]


def clean_motion(motion: Motion, head: HeadModel, cleaning: Cleaning, *, neutral: int) -> Motion:
    """Fill, mend, then smooth. `neutral`: the frame of `motion` in which the face is at rest.

    A pure function of the coefficients; rate, length, confidence and identity stay. Raises `InputError` when frames are to be
    filled and none shows a face.
    """
    if cleaning.lost != "tracked":
        motion = fill_frames(motion, motion.confidence > 0, cleaning.lost, neutral=neutral)
    if cleaning.mend_outliers:
        motion = fill_frames(motion, ~measure_changes(motion, head).outliers, "interpolate", neutral=neutral)
    parts: tuple[Part, ...] = ("head", "expression", "gaze")
    for part in parts:
        chosen = cleaning.of(part)
        if chosen.method != "none":
            settings = SmoothSettings(
                chosen.method,
                head_window=chosen.window,
                face_window=chosen.window,
                protect_blinks=cleaning.protect_blinks,
            )
            motion = smooth_part(motion, head, part, settings)
    return motion
