"""Noise levels of Loki: zero-terminal SNR, a shift for many frames, targets, and the sampler over them."""

from __future__ import annotations

import hashlib
from math import sqrt

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler, rescale_zero_terminal_snr
from jaxtyping import Float, Int
from torch import Tensor

from loki_core.diffusion.configs import ScheduleConfig

__all__ = ["NoiseSchedule", "ddim", "noise_betas", "seeded_noise", "shift_snr", "snr_ratio_of_frames"]


def snr_ratio_of_frames(frames: int) -> float:
    """sqrt(1 / (T-1)), the factor on the SNR for windows of T frames (Loki, arXiv 2605.24176; after CAP4D, arXiv 2412.12093).

    T frames of one scene carry the same content, so that noise hides less of it.
    """
    if frames < 2:
        raise ValueError(f"expected at least 2 frames, got {frames}; one frame needs no shift")
    return sqrt(1 / (frames - 1))


def shift_snr(alphas_cumprod: Float[Tensor, "L"], ratio: float) -> Float[Tensor, "L"]:
    """Signal shares with each SNR = a / (1 - a) multiplied by `ratio` (Hoogeboom et al. 2023, simple diffusion, eq. 4).

    log SNR' = log SNR + log ratio, so a' = ratio a / (1 - a + ratio a); levels without signal stay so.
    """
    return ratio * alphas_cumprod / (1 - alphas_cumprod + ratio * alphas_cumprod)


def noise_betas(config: ScheduleConfig) -> Float[Tensor, "L"]:
    """The betas of all levels, float64.

    In order: Stable Diffusion's, linear in their root (Rombach et al. 2022); rescaled to zero terminal SNR (Lin et al. 2024,
    Common Diffusion Noise Schedules and Sample Steps are Flawed, alg. 1); cut at `max_beta`; shifted by `snr_ratio`.
    """
    roots = torch.linspace(sqrt(config.beta_start), sqrt(config.beta_end), config.levels, dtype=torch.float64)
    betas = rescale_zero_terminal_snr(roots**2).clamp(max=config.max_beta)
    shifted = shift_snr((1 - betas).cumprod(0), config.snr_ratio)
    return 1 - shifted / torch.cat([torch.ones(1, dtype=torch.float64), shifted[:-1]])


def ddim(config: ScheduleConfig) -> DDIMScheduler:
    """DDIM (Song et al. 2021) over these levels.

    With v the first step starts at the last level (Lin et al. 2024, section 3.3). Epsilon divides by what is left of the signal,
    which is 5e-10 of the variance there, so it starts a step earlier, as Stable Diffusion and the authors of Loki do.
    """
    epsilon = config.prediction == "epsilon"
    return DDIMScheduler(
        num_train_timesteps=config.levels,
        trained_betas=noise_betas(config).tolist(),
        prediction_type=config.prediction,
        clip_sample=False,
        set_alpha_to_one=True,
        timestep_spacing="leading" if epsilon else "trailing",
        steps_offset=1 if epsilon else 0,
    )


class NoiseSchedule:
    """What training needs of the levels. Timesteps have a shape of their own, one for each frame."""

    def __init__(self, config: ScheduleConfig) -> None:
        self.config = config
        self.alphas_cumprod = (1 - noise_betas(config)).cumprod(0)

    def spread(self, timesteps: Int[Tensor, "*B"]) -> Float[Tensor, "*B"]:
        """sqrt(1 - a): how much of the noise is in the noisy latents."""
        return (1 - self.alphas_cumprod.to(timesteps.device)[timesteps]).sqrt().float()

    def noisy(
        self, clean: Float[Tensor, "*B C h w"], noise: Float[Tensor, "*B C h w"], timesteps: Int[Tensor, "*B"]
    ) -> Float[Tensor, "*B C h w"]:
        """x_t = sqrt(a) x_0 + sqrt(1 - a) noise (Ho et al. 2020, DDPM, eq. 4)."""
        signal, spread = self._roots(clean, timesteps)
        return signal * clean + spread * noise

    def target(
        self, clean: Float[Tensor, "*B C h w"], noise: Float[Tensor, "*B C h w"], timesteps: Int[Tensor, "*B"]
    ) -> Float[Tensor, "*B C h w"]:
        """What the network is to predict: the noise, or v = sqrt(a) noise - sqrt(1 - a) x_0 (Salimans & Ho 2022, section 4)."""
        if self.config.prediction == "epsilon":
            return noise
        signal, spread = self._roots(clean, timesteps)
        return signal * noise - spread * clean

    def clean(
        self, noisy: Float[Tensor, "*B C h w"], prediction: Float[Tensor, "*B C h w"], timesteps: Int[Tensor, "*B"]
    ) -> Float[Tensor, "*B C h w"]:
        """The x_0 that a prediction implies: the inverse of `noisy` and `target`."""
        signal, spread = self._roots(noisy, timesteps)
        if self.config.prediction == "epsilon":
            return (noisy - spread * prediction) / signal
        return signal * noisy - spread * prediction

    def sampled(
        self,
        noisy: Float[Tensor, "*B C h w"],
        prediction: Float[Tensor, "*B C h w"],
        timesteps: Int[Tensor, "*B"],
        wanted: Int[Tensor, "*B"],
    ) -> Float[Tensor, "*B C h w"]:
        """What a step of sampling makes of them, at other levels (Song et al. 2021, DDIM, eq. 12 without noise of its own)."""
        signal, spread = self._roots(noisy, timesteps)
        noise = prediction if self.config.prediction == "epsilon" else signal * prediction + spread * noisy
        return self.noisy(self.clean(noisy, prediction, timesteps), noise, wanted)

    def _roots(self, like: Tensor, timesteps: Int[Tensor, "*B"]) -> tuple[Tensor, Tensor]:
        """sqrt(a) and sqrt(1 - a) of each frame, on the device and in the kind of `like`."""
        alphas = self.alphas_cumprod.to(like.device)[timesteps][..., None, None, None]
        return alphas.sqrt().to(like.dtype), (1 - alphas).sqrt().to(like.dtype)


def seeded_noise(
    seed: int, frames: range, shape: tuple[int, int, int], *, shared: float, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "T C h w"]:
    """Normal noise of `frames`; a frame's noise depends on the seed and its own number alone, so a clip may be cut anywhere.

    `shared` is the share of variance that all frames have in common (Ge et al. 2023, Preserve Your Own Correlation, mixed noise).
    """
    common = _normal(seed, 0, shape)
    own = torch.stack([_normal(seed, 1 + frame, shape) for frame in frames])
    return (sqrt(shared) * common + sqrt(1 - shared) * own).to(dtype)


def _normal(seed: int, stream: int, shape: tuple[int, int, int]) -> Tensor:
    """Numbers on the CPU, the same on every device; streams of one seed do not meet."""
    mixed = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return torch.randn(shape, generator=torch.Generator().manual_seed(int.from_bytes(mixed[:8], "little", signed=True)))
