"""From a state and what it names to coefficients: the motion on the portrait, then the controls on top."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float

from loki_core.head.arkit import apply_controls
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.units import UnitBasis
from loki_core.motion.clip import Motion
from loki_core.motion.presets import MotionPreset, sample_controls
from loki_core.motion.retarget import RetargetSettings, retarget
from loki_core.timeline.state import StudioState, control_values

__all__ = ["PRESET_FPS", "Performance", "add_controls", "frame_count", "frame_rate", "lost_spans", "perform"]

Performance = MotionPreset | Motion
"""What can move a portrait. A preset holds controls over time, a motion a head's coefficients; None stands for a still face."""

PRESET_FPS = Fraction(30)
"""Rate at which presets, which are curves, are played and rendered."""


def frame_rate(performance: Performance | None) -> Fraction:
    """Frames a second, exactly."""
    return performance.fps if isinstance(performance, Motion) else PRESET_FPS


def frame_count(performance: Performance | None) -> int:
    """Frames of one pass; 1 for a still face."""
    if performance is None:
        return 1
    return performance.frame_count if isinstance(performance, Motion) else max(1, round(performance.duration * PRESET_FPS))


def perform(
    performance: Performance | None, portrait: FlameParams, head: HeadModel, units: UnitBasis, settings: RetargetSettings
) -> FlameParams:
    """The performance on a portrait's face (batch shape ()), without further edits: batch shape (T,)."""
    if isinstance(performance, Motion):
        return retarget(performance, portrait, head, settings)
    seconds = torch.arange(frame_count(performance)).double() / float(PRESET_FPS)
    values = {} if performance is None else sample_controls(performance, seconds.numpy())
    tracks: dict[str, float | Float[torch.Tensor, "*B"]] = {name: torch.from_numpy(track) for name, track in values.items()}
    return apply_controls(head, units, portrait, {"headYaw": torch.zeros(len(seconds)), **tracks})


def add_controls(frames: FlameParams, state: StudioState, head: HeadModel, units: UnitBasis, *, first: int) -> FlameParams:
    """The state's controls on top of successive frames, batch shape (T,), which begin with frame `first` of the timeline."""
    count = frames.batch_shape[0]
    values = control_values(state, np.arange(first, first + count, dtype=np.float64))
    columns = {name: torch.from_numpy(column) for name, column in values.items()}
    return apply_controls(head, units, frames, columns) if columns else frames


def lost_spans(performance: Performance | None, *, threshold: float = 0.5) -> list[tuple[int, int]]:
    """Frames [first, stop) in which the tracker was not sure enough of the face: `confidence` below `threshold`."""
    if not isinstance(performance, Motion):
        return []
    lost = torch.nn.functional.pad((performance.confidence < threshold).int(), (1, 1))
    edges = torch.nonzero(lost.diff()).flatten().tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
