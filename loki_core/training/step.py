"""One step of training: noise, what is left out for guidance, and the loss."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from loki_core.data.samples import Batch
from loki_core.diffusion.configs import LokiConfig, ScheduleConfig, UNetConfig
from loki_core.diffusion.encoder import encoder_input
from loki_core.diffusion.latents import Scaled, to_latents
from loki_core.diffusion.schedule import NoiseSchedule
from loki_core.training.config import LossConfig
from loki_core.training.pictures import signed

__all__ = ["Diffused", "Draws", "draw_chances", "focus_weights", "loss_weights", "prediction_loss"]


@runtime_checkable
class Diffused(Scaled, Protocol):
    """A configuration of a network that is trained on noise."""

    @property
    def unet(self) -> UNetConfig: ...

    @property
    def latent_size(self) -> int:
        """Side of the latents."""
        ...

    @property
    def schedule(self) -> ScheduleConfig: ...


@dataclass(frozen=True, eq=False)
class Draws:
    """All that is random in a step."""

    noise: Float[Tensor, "B T C h w"]
    timesteps: Int[Tensor, "B T"]
    dropped: Bool[Tensor, "B"]
    """Windows without map and reference."""

    def to(self, device: torch.device) -> Draws:
        return Draws(self.noise.to(device), self.timesteps.to(device), self.dropped.to(device))


def draw_chances(config: Diffused, windows: int, frames: int, loss: LossConfig, *, seed: int, step: int) -> Draws:
    """The draws of one batch: they depend on `seed` and `step` alone, so that a resumed run meets the same ones."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    shape = (config.unet.channels, config.latent_size, config.latent_size)
    shared = config.schedule.shared_noise
    common = torch.randn((windows, 1, *shape), generator=generator)
    own = torch.randn((windows, frames, *shape), generator=generator)
    # strata: each batch meets early and late levels alike, which steadies the loss
    places = (torch.arange(windows) + torch.rand(windows, generator=generator)) / windows
    dropped = torch.rand(windows, generator=generator) < loss.drop
    if loss.levels == "window":
        levels = places[:, None].expand(-1, frames)
    else:
        levels = torch.rand((windows, frames), generator=generator)
    last = config.schedule.levels - 1
    timesteps = (levels * config.schedule.levels).long().clamp(max=last)
    timesteps[torch.rand(windows, generator=generator) < loss.pure] = last
    return Draws(sqrt(shared) * common + sqrt(1 - shared) * own, timesteps, dropped)


def prediction_loss(
    network: nn.Module,
    config: LokiConfig,
    schedule: NoiseSchedule,
    batch: Batch,
    draws: Draws,
    weights: Float[Tensor, "B T 1 h w"],
    vae: nn.Module | None = None,
) -> Float[Tensor, ""]:
    """Weighted mean square error of what the network predicts for the noisy targets. `network`: a LokiNetwork, or one wrapped."""
    kept = (~draws.dropped).to(torch.float32)
    with torch.no_grad():
        clean = to_latents(signed(batch.targets).flatten(0, 1), config, vae).float().unflatten(0, batch.targets.shape[:2])
        reference = to_latents(signed(batch.reference), config, vae).float() * kept[:, None, None, None]
    inputs = encoder_input(config.encoder, batch.maps, batch.vectors) * kept[:, None, None, None, None]
    noisy = schedule.noisy(clean, draws.noise, draws.timesteps)
    predicted = network(noisy, draws.timesteps, inputs, reference)
    wrong = (predicted.float() - schedule.target(clean, draws.noise, draws.timesteps)) ** 2
    return (wrong * weights).mean()


def loss_weights(batch: Batch, config: Scaled, loss: LossConfig, step: int) -> Float[Tensor, "B T 1 h w"]:
    """Of latents, for all targets of a batch: see `focus_weights`."""
    return focus_weights(batch.focus, config.latent_scale, loss, step)


def focus_weights(focus: Float[Tensor, "B T H W"], scale: int, loss: LossConfig, step: int) -> Float[Tensor, "B T 1 h w"]:
    """1 plus what eyes, brows and mouth weigh more at this step, at 1/`scale` of the size, scaled to a mean of 1."""
    extra = loss.focus * max(0.0, 1 - step / loss.focus_steps)
    weights = 1 + extra * F.avg_pool2d(focus, scale)
    return (weights / weights.mean())[:, :, None]
