"""How fast the warp renderer draws."""

from __future__ import annotations

import time

from benchmarks.example import example
from benchmarks.measure import Measurement
from loki_core.head.embedded import embedded_head
from loki_core.render.warp.renderer import WarpRenderer

__all__ = ["run"]

_FRAMES = 60


def run() -> list[Measurement]:
    """Preparation once, then frames a second at 512x512."""
    portrait, motion = example(_FRAMES + 1)
    renderer = WarpRenderer(embedded_head())
    start = time.perf_counter()
    prepared = renderer.prepare(portrait)
    prepared_after = time.perf_counter() - start
    frames = renderer.render(prepared, motion)
    next(frames)  # compiles kernels
    start = time.perf_counter()
    count = sum(1 for _ in frames)
    rate = count / (time.perf_counter() - start)
    return [
        Measurement("warp, frames at 512x512", rate, "fps", ">= 12"),
        Measurement("warp, preparing a portrait", prepared_after, "s"),
    ]
