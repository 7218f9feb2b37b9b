"""Sampling that all diffusion networks share: guided steps over one window, and windows over a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.diffusion.guidance import Branch, Guidance
from loki_core.diffusion.windows import Window, WindowBlend
from loki_core.render.base import Cancelled, Progress

__all__ = ["BeforeStep", "Predict", "denoise", "draw_windows"]

BeforeStep = Callable[[int], None]
"""Called with the number of a step before it is taken."""
Predict = Callable[[Branch, Tensor, int], Tensor]
"""What the network predicts in a branch, for noisy latents (T, C, h, w) at a timestep."""


def denoise(
    noise: Float[Tensor, "T C h w"],
    scheduler: Any,
    predict: Predict,
    guidance: Guidance,
    *,
    steps: int,
    before_step: BeforeStep,
) -> Float[Tensor, "T C h w"]:
    """Latents of one window, float32: the last levels of epsilon leave too little signal for half precision.

    `scheduler`: a DDIM. What its last step takes for clean is the result: where `steps` does not divide its levels, the step
    itself ends at level 0 and leaves that level's noise.
    """
    own = type(scheduler).from_config(scheduler.config)  # its steps are state, and ours alone
    own.set_timesteps(steps)
    x = clean = noise
    for step, time in enumerate(own.timesteps.tolist()):
        before_step(step)
        parts = [branch.weight * predict(branch, x, time).float() for branch in guidance.branches(step)]
        x, clean = own.step(torch.stack(parts).sum(0), time, x, return_dict=False)
    return clean


def draw_windows(
    windows: Sequence[Window],
    part: range,
    draw: Callable[[Window, BeforeStep], Tensor],
    *,
    steps: int,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> Iterator[Float[Tensor, "C h w"]]:
    """Latents of the frames `part`, in order, as soon as each is done. `draw` makes those of a window, (T, C, h, w).

    `progress` counts the steps of all windows. `cancelled` is asked before each step; then `Cancelled` is raised.
    """
    blend, total = WindowBlend(), len(windows) * steps
    for index, window in enumerate(windows):

        def before_step(step: int, done: int = index * steps) -> None:
            if cancelled is not None and cancelled():
                raise Cancelled
            if progress is not None:
                progress(done + step, total)

        latents = blend.blend(window, draw(window, before_step))
        for frame in range(max(window.start, part.start), min(window.settled, part.stop)):
            yield latents[frame - window.start]
    if progress is not None:
        progress(total, total)
