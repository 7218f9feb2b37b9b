"""Denoising one window."""

from __future__ import annotations

import pytest
import torch

from loki_core.diffusion.configs import preset
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.sampler import denoise
from loki_core.diffusion.schedule import NoiseSchedule, ddim


@pytest.mark.parametrize("name", ["sd21", "mini"])
@pytest.mark.parametrize("steps", [1, 6, 7, 10, 15, 30, 64])  # 1000 levels are no multiple of most of these
def test_a_network_that_knows_the_picture_draws_it_without_noise_in_any_number_of_steps(name, steps):
    config = preset(name).schedule
    schedule, clean, noise = NoiseSchedule(config), torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3)

    def predict(branch, x, time):
        times = torch.full((len(x),), time)
        signal = schedule.alphas_cumprod[times, None, None, None].sqrt().float()
        return schedule.target(clean, (x - signal * clean) / (1 - signal**2).sqrt(), times)

    made = denoise(noise, ddim(config), predict, Guidance(1.0), steps=steps, before_step=lambda step: None)
    torch.testing.assert_close(made, clean, atol=1e-2, rtol=1e-2)
