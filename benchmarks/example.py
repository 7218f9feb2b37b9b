"""The example that the benchmarks work on: the portrait that comes with scikit-image, moved by the showreel."""

from __future__ import annotations

import skimage.data

from loki_core.head.embedded import embedded_head
from loki_core.head.params import FlameParams
from loki_core.head.units import unit_basis
from loki_core.motion.presets import MOTIONS, load_motion_preset
from loki_core.motion.retarget import RetargetSettings
from loki_core.render.base import Portrait
from loki_core.timeline.performance import perform
from loki_core.track.portrait import fit_portrait

__all__ = ["example"]


def example(frames: int) -> tuple[Portrait, FlameParams]:
    """The fitted portrait (512x512) and coefficients of shape (frames,)."""
    head = embedded_head()
    portrait = fit_portrait(skimage.data.astronaut(), head)
    motion = perform(
        load_motion_preset(MOTIONS / "showreel.json"), portrait.params, head, unit_basis(head, head), RetargetSettings()
    )
    return portrait, motion[:frames]
