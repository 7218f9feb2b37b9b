"""What can be set of the `dex` renderer. Standard library only."""

from __future__ import annotations

from dataclasses import replace

from loki_core.render.diffused.options import DIFFUSED_SETTINGS
from loki_core.render.settings import Setting

__all__ = ["DEX_SETTINGS"]

_STEPS = 3
"""Nearest to the truth; later ones add grain: docs/decisions/0016-dex-renderer.md."""

DEX_SETTINGS = (
    Setting(
        "told",
        "Told by",
        "choice",
        "coefficients",
        choices=(("coefficients", "Coefficients"), ("warp", "The warp"), ("clip", "The clip")),
        help="What tells the network of motion: the performance's coefficients, its warp's pictures, or those of the clip.",
    ),
    *(replace(each, default=_STEPS) if each.name == "steps" else each for each in DIFFUSED_SETTINGS),
)
