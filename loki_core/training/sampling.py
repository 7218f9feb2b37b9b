"""Sampling of many people at once: what the pipelines do with one window, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.data.samples import Sample
from loki_core.dex.network import Conditions, DexNetwork, Observed
from loki_core.dex.pipeline import DexPipeline
from loki_core.diffusion.attention import ReferenceBank
from loki_core.diffusion.configs import ScheduleConfig
from loki_core.diffusion.encoder import encoder_input
from loki_core.diffusion.guidance import Branch
from loki_core.diffusion.latents import Scaled, from_latents, to_latents
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.diffusion.sampler import denoise
from loki_core.diffusion.schedule import ddim, seeded_noise
from loki_core.training.pictures import in_bytes, signed

__all__ = ["DexInputs", "half_is_fast", "sample_clip", "sample_dex_windows", "sample_windows"]


def half_is_fast() -> bool:
    """Whether this CPU computes in bfloat16. Others make it of float32, which takes longer than float32 itself."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@dataclass(frozen=True, eq=False)
class DexInputs:
    """Of windows of T frames of DeX-Portrait: poses as its encoder gives them, and expression latents."""

    sources: Float[Tensor, "B 3 4"]
    """Of the portraits."""
    poses: Float[Tensor, "B T 3 4"]
    expressions: Float[Tensor, "B T E"]


@torch.no_grad()
def sample_clip(pipeline: LokiPipeline, sample: Sample, config: SamplerConfig) -> UInt8[Tensor, "T 3 H W"]:
    """All targets of a sample as one clip of any length, as the renderer draws it."""
    given = encoder_input(pipeline.network.loki.encoder, sample.maps[None], sample.vectors[None])[0]
    return in_bytes(pipeline(signed(sample.reference), given, config))


@torch.no_grad()
def sample_windows(
    pipeline: LokiPipeline,
    references: UInt8[Tensor, "P 3 H W"],
    inputs: Float[Tensor, "B T M h w"],
    config: SamplerConfig,
    *,
    bare: Float[Tensor, "B T M h w"] | None = None,
    half: bool = False,
) -> UInt8[Tensor, "B T 3 H W"]:
    """Windows of T frames, all from the noise of `config.seed`; `inputs` is what the encoder reads.

    The first B / P windows are the first reference's, and so on: each reference is looked at once, whatever B is. `bare`: inputs
    of the same poses without expression, for progressive guidance. `half`: bfloat16 where autocast takes it, as the weights were
    trained. Needs a network without VAE.
    """
    network, loki = pipeline.network, pipeline.network.loki
    if config.guidance.progressive and bare is None:
        raise ValueError("expected inputs without expression for progressive guidance, got none; give them as `bare`")
    count = (inputs.shape[0], inputs.shape[1])
    _check(pipeline, loki.frames, len(references), count, config)
    latents = to_latents(signed(references), loki)

    def tell(branch: Branch) -> Tensor:
        if branch.map:
            return network.encode(inputs if branch.expression or bare is None else bare)
        return network.encode(torch.zeros_like(inputs[:1])).expand(len(inputs), -1, -1, -1, -1)

    shape = (loki.unet.channels, loki.latent_size, loki.latent_size)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        banks = {True: network.remember(latents), False: network.remember(torch.zeros_like(latents[:1]))}
        made = _denoised(network, loki.schedule, (*count, *shape), banks, tell, config)
    return _pictures(made, loki)


@torch.no_grad()
def sample_dex_windows(
    pipeline: DexPipeline,
    references: UInt8[Tensor, "P 3 H W"],
    inputs: DexInputs,
    config: SamplerConfig,
    *,
    half: bool = False,
) -> UInt8[Tensor, "B T 3 H W"]:
    """The same with DeX-Portrait."""
    network, dex = pipeline.network, pipeline.network.dex
    count = (inputs.poses.shape[0], inputs.poses.shape[1])
    _check(pipeline, dex.frames, len(references), count, config)
    pictures = signed(references)
    latents = to_latents(pictures, dex)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        portraits = network.observe(latents, pictures)
        nobody = network.observe(torch.zeros_like(latents[:1]), torch.zeros_like(pictures[:1]))
        each = count[0] // len(references)
        features, volume = (values.repeat_interleave(each, 0) for values in (portraits.features, portraits.volume))
        seen = Observed(portraits.bank, features, volume)

        def tell(branch: Branch) -> Conditions:
            flags = (torch.full((count[0],), float(flag)) for flag in (branch.map, branch.expression))
            return network.conditions(seen, inputs.sources, inputs.poses, inputs.expressions).kept(*flags)

        banks = {True: portraits.bank, False: nobody.bank}
        made = _denoised(network, dex.schedule, (*count, *dex.latent_shape), banks, tell, config)
    return _pictures(made, dex)


def _check(
    pipeline: LokiPipeline | DexPipeline, most: int, references: int, count: tuple[int, int], config: SamplerConfig
) -> None:
    windows, frames = count
    if not 1 <= frames <= most or pipeline.vae is not None or config.unconditional != "zero_picture":
        raise ValueError(f"expected windows of 1 to {most} frames for a network on pixels, got {frames}")
    if windows % references:
        raise ValueError(f"expected as many windows for each of {references} references, got {windows} in all")


def _denoised(
    network: LokiNetwork | DexNetwork,
    schedule: ScheduleConfig,
    shape: tuple[int, int, int, int, int],
    banks: Mapping[bool, ReferenceBank],
    tell: Callable[[Branch], Any],
    config: SamplerConfig,
) -> Float[Tensor, "B T C h w"]:
    """Latents; `banks`: with and without the reference; `tell`: what else a branch knows, asked once for each."""
    windows, frames = shape[:2]
    told: dict[Branch, Any] = {}

    def predict(branch: Branch, x: Tensor, time: int) -> Tensor:
        key = replace(branch, weight=0.0)
        if key not in told:
            told[key] = tell(branch)
        times = torch.full((windows, frames), time)
        noisy = x.unflatten(0, (windows, frames))
        return network.predict(noisy, times, told[key], banks[branch.reference]).flatten(0, 1)

    noise = seeded_noise(config.seed, range(frames), shape[2:], shared=schedule.shared_noise).repeat(windows, 1, 1, 1)
    made = denoise(noise, ddim(schedule), predict, config.guidance, steps=config.steps, before_step=_unheard)
    return made.unflatten(0, (windows, frames))


def _pictures(latents: Float[Tensor, "B T C h w"], config: Scaled) -> UInt8[Tensor, "B T 3 H W"]:
    pictures = from_latents(latents.flatten(0, 1), config).unflatten(0, latents.shape[:2])
    return in_bytes(pictures)


def _unheard(step: int) -> None:
    """Nobody counts the steps here."""
