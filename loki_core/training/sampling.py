"""Sampling of many people at once: what `LokiPipeline` does with one window, side by side."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.diffusion.latents import from_latents, to_latents
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.diffusion.schedule import ddim, seeded_noise

__all__ = ["sample_windows"]


@torch.no_grad()
def sample_windows(
    pipeline: LokiPipeline,
    references: UInt8[Tensor, "B 3 H W"],
    inputs: Float[Tensor, "B T M h w"],
    config: SamplerConfig,
    *,
    half: bool = False,
) -> UInt8[Tensor, "B T 3 H W"]:
    """A window of T frames for each reference, all from the noise of `config.seed`; `inputs` is what the encoder reads.

    `half`: bfloat16 where autocast takes it, as the weights were trained. Needs a network without VAE.
    """
    network, loki = pipeline.network, pipeline.network.loki
    if not 1 <= inputs.shape[1] <= loki.frames or pipeline.vae is not None or config.unconditional != "zero_picture":
        raise ValueError(f"expected windows of 1 to {loki.frames} frames for a network on pixels, got {tuple(inputs.shape)}")
    latents = to_latents(references.float() / 127.5 - 1, loki)
    scheduler = ddim(loki.schedule)
    scheduler.set_timesteps(config.steps)
    shape = (loki.unet.channels, loki.latent_size, loki.latent_size)
    noise = seeded_noise(config.seed, range(inputs.shape[1]), shape, shared=loki.schedule.shared_noise)
    x = noise.expand(len(references), -1, -1, -1, -1)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        branches = [
            (branch.weight, network.encode(inputs * branch.map), network.remember(latents * branch.reference))
            for branch in config.guidance.branches()
        ]
        for time in scheduler.timesteps.tolist():
            times = torch.full(inputs.shape[:2], time)
            parts = [weight * network.predict(x, times, added, bank).float() for weight, added, bank in branches]
            x = scheduler.step(torch.stack(parts).sum(0), time, x, return_dict=False)[0].float()
    pictures = from_latents(x.flatten(0, 1), loki).unflatten(0, inputs.shape[:2])
    return ((pictures.clamp(-1, 1) + 1) * 127.5 + 0.5).to(torch.uint8)
