"""Carrying a motion from one head to another."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from loki_core.head.arkit import convert_params
from loki_core.head.model import HeadModel
from loki_core.head.units import UnitBasis
from loki_core.motion.clip import Motion

__all__ = ["convert_motion"]


def convert_motion(
    motion: Motion,
    source: HeadModel,
    source_units: UnitBasis,
    target: HeadModel,
    target_units: UnitBasis,
    *,
    betas: Float[Tensor, "S"] | None = None,
) -> Motion:
    """Convert every frame through the named controls; rate, confidence and camera stay. `betas` None = the target's mean head."""
    if motion.head != source.id:
        raise ValueError(f"expected a motion on the head '{source.name}' ({source.hash}), got one on '{motion.head.name}'")
    params = convert_params(motion.params(), source, source_units, target, target_units, betas=betas)
    return Motion.of(params, fps=motion.fps, head=target.id, camera=motion.camera, confidence=motion.confidence)
