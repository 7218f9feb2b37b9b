"""Sampling of many people at once: what `LokiPipeline` does with one window, side by side."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.diffusion.latents import from_latents, to_latents
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.diffusion.schedule import ddim, seeded_noise

__all__ = ["half_is_fast", "sample_windows"]

_ALL = (-1, -1, -1, -1)
"""Sizes that `expand` leaves."""


def half_is_fast() -> bool:
    """Whether this CPU computes in bfloat16. Others make it of float32, which takes longer than float32 itself."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@torch.no_grad()
def sample_windows(
    pipeline: LokiPipeline,
    references: UInt8[Tensor, "P 3 H W"],
    inputs: Float[Tensor, "B T M h w"],
    config: SamplerConfig,
    *,
    half: bool = False,
) -> UInt8[Tensor, "B T 3 H W"]:
    """Windows of T frames, all from the noise of `config.seed`; `inputs` is what the encoder reads.

    The first B / P windows are the first reference's, and so on: each reference is looked at once, whatever B is.
    `half`: bfloat16 where autocast takes it, as the weights were trained. Needs a network without VAE.
    """
    network, loki = pipeline.network, pipeline.network.loki
    if not 1 <= inputs.shape[1] <= loki.frames or pipeline.vae is not None or config.unconditional != "zero_picture":
        raise ValueError(f"expected windows of 1 to {loki.frames} frames for a network on pixels, got {tuple(inputs.shape)}")
    if len(inputs) % len(references):
        raise ValueError(f"expected as many windows for each of {len(references)} references, got {len(inputs)} in all")
    latents = to_latents(references.float() / 127.5 - 1, loki)
    scheduler = ddim(loki.schedule)
    scheduler.set_timesteps(config.steps)
    shape = (loki.unet.channels, loki.latent_size, loki.latent_size)
    noise = seeded_noise(config.seed, range(inputs.shape[1]), shape, shared=loki.schedule.shared_noise)
    x = noise.expand(len(inputs), -1, -1, -1, -1)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        branches = [
            (
                branch.weight,
                network.encode(inputs) if branch.map else network.encode(torch.zeros_like(inputs[:1])).expand(len(inputs), *_ALL),
                network.remember(latents if branch.reference else torch.zeros_like(latents[:1])),
            )
            for branch in config.guidance.branches()
        ]
        for time in scheduler.timesteps.tolist():
            times = torch.full(inputs.shape[:2], time)
            parts = [weight * network.predict(x, times, added, bank).float() for weight, added, bank in branches]
            x = scheduler.step(torch.stack(parts).sum(0), time, x, return_dict=False)[0].float()
    pictures = from_latents(x.flatten(0, 1), loki).unflatten(0, inputs.shape[:2])
    return ((pictures.clamp(-1, 1) + 1) * 127.5 + 0.5).to(torch.uint8)
