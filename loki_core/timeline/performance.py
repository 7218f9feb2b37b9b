"""Performances: what can move a portrait, how long it takes, and on whose face."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Bool, Float

from loki_core.head.arkit import apply_controls
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.units import UnitBasis
from loki_core.motion.clean import Cleaning, clean_motion
from loki_core.motion.clip import Motion
from loki_core.motion.neutral import find_neutral
from loki_core.motion.presets import MotionPreset, sample_controls
from loki_core.motion.retarget import RetargetSettings, retarget
from loki_core.timeline.layers import Layer, source_places, weights

__all__ = ["PRESET_FPS", "Performance", "frame_count", "frame_rate", "layer_length", "lost_frames", "perform", "spans"]

Performance = MotionPreset | Motion
"""What can move a portrait. A preset holds controls over time, a motion a head's coefficients."""

PRESET_FPS = Fraction(30)
"""Rate at which presets, which are curves, are played and rendered."""


def frame_rate(performance: Performance) -> Fraction:
    """Frames a second, exactly."""
    return performance.fps if isinstance(performance, Motion) else PRESET_FPS


def frame_count(performance: Performance) -> int:
    """Frames of one pass."""
    return performance.frame_count if isinstance(performance, Motion) else max(1, round(performance.duration * PRESET_FPS))


def perform(
    performance: Performance,
    portrait: FlameParams,
    head: HeadModel,
    units: UnitBasis,
    settings: RetargetSettings,
    cleaning: Cleaning | None = None,
) -> FlameParams:
    """The performance on a portrait's face (batch shape ()), without further edits: batch shape (T,).

    `cleaning` is done to motions first, None = nothing; the neutral frame is looked for in the motion as it was tracked.
    """
    if isinstance(performance, Motion):
        if settings.neutral is None:
            settings = replace(settings, neutral=find_neutral(performance, head).index)
        assert settings.neutral is not None
        cleaned = clean_motion(performance, head, cleaning or Cleaning(), neutral=settings.neutral)
        return retarget(cleaned, portrait, head, settings)
    seconds = torch.arange(frame_count(performance)).double() / float(PRESET_FPS)
    values = sample_controls(performance, seconds.numpy())
    tracks: dict[str, float | Float[torch.Tensor, "*B"]] = {name: torch.from_numpy(track) for name, track in values.items()}
    return apply_controls(head, units, portrait, {"headYaw": torch.zeros(len(seconds)), **tracks})


def layer_length(layer: Layer, performance: Performance, fps: Fraction) -> int:
    """Frames of the timeline, at `fps`, until a layer has shown its performance once, or ends."""
    if layer.stop is not None:
        return max(0, layer.stop)
    step = layer.speed * float(frame_rate(performance) / fps)
    return max(0, layer.first + math.ceil((frame_count(performance) - layer.offset) / step - 1e-9))


def lost_frames(
    layer: Layer, performance: Performance, fps: Fraction, count: int, *, threshold: float = 0.5
) -> Bool[np.ndarray, "T"]:
    """Frames of the timeline in which a layer shows a face that the tracker was not sure of: `confidence` below `threshold`."""
    if not isinstance(performance, Motion):
        return np.zeros(count, dtype=bool)
    frames = np.arange(count, dtype=np.float64)
    places = source_places(layer, frames, performance.frame_count, rate=float(performance.fps / fps))
    return (performance.confidence.numpy()[np.rint(places).astype(int)] < threshold) & (weights(layer, frames) > 0)


def spans(marked: Bool[np.ndarray, "T"]) -> list[tuple[int, int]]:
    """Where frames are marked, as [first, stop)."""
    edges = np.flatnonzero(np.diff(np.pad(marked.astype(int), 1))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
