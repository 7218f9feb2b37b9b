"""Noise levels against closed forms."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from hypothesis import given
from hypothesis import strategies as st

from loki_core.diffusion.configs import preset
from loki_core.diffusion.schedule import NoiseSchedule, ddim, noise_betas, seeded_noise, shift_snr, snr_ratio_of_frames

PAPER = preset("sd21").schedule
VELOCITY = preset("mini").schedule


def test_the_paper_s_ratio_is_that_of_16_frames():
    assert PAPER.snr_ratio == snr_ratio_of_frames(16) == pytest.approx(0.2582, abs=1e-4)
    with pytest.raises(ValueError, match="at least 2"):
        snr_ratio_of_frames(1)


@given(st.floats(0.001, 0.999), st.floats(0.01, 10))
def test_the_shift_adds_the_log_of_the_ratio_to_the_log_of_the_snr(alpha, ratio):
    shifted = shift_snr(torch.tensor([alpha], dtype=torch.float64), ratio)
    log_snr = torch.log(shifted / (1 - shifted))
    assert log_snr.item() == pytest.approx(
        torch.log(torch.tensor(alpha / (1 - alpha) * ratio, dtype=torch.float64)).item(), abs=1e-6
    )


def test_levels_without_signal_stay_so():
    assert shift_snr(torch.tensor([0.0, 1.0]), 0.25).tolist() == [0.0, 1.0]


def test_stable_diffusion_s_levels_keep_their_first_and_lose_their_last():
    plain = replace(VELOCITY, snr_ratio=1.0)
    ours = (1 - noise_betas(plain)).cumprod(0).sqrt()
    theirs = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear").alphas_cumprod.double().sqrt()
    expected = (theirs - theirs[-1]) * theirs[0] / (theirs[0] - theirs[-1])
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)
    assert ours[-1] == 0


def test_the_paper_s_last_level_keeps_a_hundredth_of_the_one_before_ahead_of_the_shift():
    alphas = (1 - noise_betas(replace(PAPER, snr_ratio=1.0))).cumprod(0)
    assert (alphas[-1] / alphas[-2]).item() == pytest.approx(0.01)
    shifted = (1 - noise_betas(PAPER)).cumprod(0)
    torch.testing.assert_close(shifted / (1 - shifted), alphas / (1 - alphas) * sqrt(1 / 15), atol=1e-12, rtol=1e-6)


@pytest.mark.parametrize("config", [PAPER, VELOCITY])
def test_betas_lie_between_0_and_1_and_levels_fall(config):
    betas = noise_betas(config)
    assert ((betas > 0) & (betas <= 1)).all()
    assert ((1 - betas).cumprod(0).diff() < 0).all()


@pytest.mark.parametrize("config", [PAPER, VELOCITY])
def test_the_target_gives_the_picture_back(config):
    schedule = NoiseSchedule(config)
    clean, noise = torch.randn(2, 3, 4, 5, 5, dtype=torch.float64), torch.randn(2, 3, 4, 5, 5, dtype=torch.float64)
    timesteps = torch.tensor([[0, 10, 300], [500, 800, 998]])
    noisy, target = schedule.noisy(clean, noise, timesteps), schedule.target(clean, noise, timesteps)
    torch.testing.assert_close(schedule.clean(noisy, target, timesteps), clean, atol=1e-6, rtol=1e-6)


def test_without_signal_the_velocity_is_the_picture():
    schedule = NoiseSchedule(VELOCITY)
    clean, noise = torch.randn(1, 4, 5, 5), torch.randn(1, 4, 5, 5)
    last = torch.tensor([999])
    assert torch.equal(schedule.noisy(clean, noise, last), noise)
    torch.testing.assert_close(schedule.target(clean, noise, last), -clean)


@pytest.mark.parametrize("config", [PAPER, VELOCITY])
def test_ddim_with_perfect_predictions_ends_at_the_picture(config):
    schedule, sampler = NoiseSchedule(config), ddim(config)
    clean, noise = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3)
    sampler.set_timesteps(10)
    first = 999 if config is VELOCITY else 901
    assert sampler.timesteps[0] == first
    x = schedule.noisy(clean, noise, torch.full((2,), first))
    for t in sampler.timesteps:
        every = torch.full((2,), int(t))
        torch.testing.assert_close(x, schedule.noisy(clean, noise, every), atol=1e-3, rtol=1e-3)
        x = sampler.step(schedule.target(clean, noise, every), int(t), x, return_dict=False)[0]
    torch.testing.assert_close(x, clean, atol=1e-3, rtol=1e-3)


@given(st.integers(0, 2**40), st.integers(0, 30), st.integers(1, 6), st.sampled_from([0.0, 0.3, 1.0]))
def test_a_frame_s_noise_does_not_depend_on_the_cut(seed, start, count, shared):
    whole = seeded_noise(seed, range(start + count), (2, 3, 3), shared=shared)
    assert torch.equal(seeded_noise(seed, range(start, start + count), (2, 3, 3), shared=shared), whole[start:])


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_frames_share_the_stated_part_of_the_variance(shared):
    noise = seeded_noise(7, range(4), (8, 64, 64), shared=shared).flatten(1)
    correlation = torch.corrcoef(noise)
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(correlation, shared + (1 - shared) * torch.eye(4), atol=0.03, rtol=0)
