"""Noisy frames as sampling comes to them: below their noise stands what the network has drawn itself, in place of the truth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from loki_core.dex.network import PredictSome
from loki_core.diffusion.schedule import NoiseSchedule

__all__ = ["OwnCourse"]

_STEPS = 4
"""Of sampling from noise alone to a clean picture."""


@dataclass(frozen=True, eq=False)
class OwnCourse:
    """Takes some windows from noise alone to their levels, in steps of a quarter of the levels; the first may be shorter."""

    schedule: NoiseSchedule
    noise: Float[Tensor, "B T C h w"]
    taken: Bool[Tensor, "B"]

    def __call__(
        self, noisy: Float[Tensor, "B T C h w"], timesteps: Int[Tensor, "B T"], predict: PredictSome
    ) -> Float[Tensor, "B T C h w"]:
        """The `noisy` latents as they are for other windows. All frames of a window that is taken must have one level."""
        levels = self.schedule.config.levels
        own = torch.where(self.taken[:, None, None, None, None], self.noise, noisy)
        for left in reversed(range(_STEPS)):
            wanted = timesteps + left * levels // _STEPS
            moving = self.taken & (wanted[:, 0] < levels - 1)
            if moving.any():
                here = (wanted + levels // _STEPS).clamp(max=levels - 1)[moving]
                predicted = predict(own[moving], here, moving).to(own.dtype)
                own[moving] = self.schedule.sampled(own[moving], predicted, here, wanted[moving])
        return own
