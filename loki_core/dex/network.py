"""The animator of DeX-Portrait: Loki's UNets, told of pose by ray maps and a warped reference, of expression by attention.

Beside the paper's parts it is shown the motion trainer's own drawing, and expression joins the time: docs/decisions/0014-dex.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from loki_core.dex.configs import DexConfig
from loki_core.dex.motion import Drawing, MotionNetwork
from loki_core.dex.similarity import ray_map, relative_pose, warp_volume
from loki_core.diffusion.attention import ReferenceBank
from loki_core.diffusion.configs import EncoderConfig
from loki_core.diffusion.encoder import ConditioningEncoder
from loki_core.diffusion.unet import FrameUNet

__all__ = ["Conditions", "Course", "DexNetwork", "Observed", "PredictSome"]

_RAYS = 6
"""Channels of the ray maps of source and driver."""

PredictSome = Callable[[Tensor, Tensor, Tensor], Tensor]
"""The prediction for noisy latents (K, T, C, h, w) at timesteps (K, T), of K samples of the batch; a mask (B,) says which."""
Course = Callable[[Tensor, Tensor, PredictSome], Tensor]
"""What takes the place of noisy latents (B, T, C, h, w) at their timesteps (B, T), by means of the network's own predictions."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What was seen of a reference."""

    bank: ReferenceBank
    features: Float[Tensor, "B E h2 w2"]
    """Of the reference UNet; to be lifted and warped."""
    volume: Float[Tensor, "B V D h3 w3"]
    """Of the motion trainer; to be warped and drawn."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """What the denoising UNet is told of each frame; the same at each step of sampling."""

    rays: Float[Tensor, "B T 6 h w"]
    """Ray maps of source and driver."""
    added: Float[Tensor, "B T D h w"]
    """The reference's features in the driver's pose, flattened."""
    sketch: Float[Tensor, "B T D h w"]
    """The motion trainer's drawing of the reference with the driver's pose and expression, read."""
    echo: Float[Tensor, "B T C h w"]
    """The same drawing as it goes past the UNet into the prediction, before the time says how much of it."""
    tokens: Float[Tensor, "B T L K"]
    """The expression, for attention."""
    face: Float[Tensor, "B T F"]
    """The expression, for all blocks: it joins the embedding of the time."""

    def of(self, rows: Bool[Tensor, "B"]) -> Conditions:
        """Of some of the samples."""
        return Conditions(*(getattr(self, each.name)[rows] for each in fields(self)))

    def kept(self, driven: Float[Tensor, "B"], expressive: Float[Tensor, "B"]) -> Conditions:
        """Times 0 or 1: all of a sample, then what shows its expression alone."""
        every, face = (flags[:, None, None].to(self.added.dtype) for flags in (driven, driven * expressive))
        return Conditions(
            self.rays * every[..., None, None],
            self.added * every[..., None, None],
            self.sketch * face[..., None, None],
            self.echo * face[..., None, None],
            self.tokens * face[..., None],
            self.face * face,
        )


class DexNetwork(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts noise or velocity of the frames of a clip. Pose and expression encoders come trained and stay as they are.

    What the motion trainer draws goes on to learn with the rest. `architecture` is `DexConfig.to_dict()`; it is stored beside the
    weights.
    """

    @register_to_config
    def __init__(self, architecture: Mapping[str, Any]) -> None:
        super().__init__()
        self.dex = config = DexConfig.from_dict(architecture)
        self.motion = MotionNetwork(config.motion.to_dict())
        self.generation = FrameUNet(config.unet, context=config.context, joined=_RAYS)
        self.reference = FrameUNet(config.unet, whole=False)
        self.warp = _ReferenceWarp(config)
        self.sketch = ConditioningEncoder(
            EncoderConfig(
                widths=(config.unet.widths[0],),
                unshuffle=config.latent_scale // config.motion.unshuffle,
                channels=config.motion.decoder[-1],
            )
        )
        self.echo = _Echo(config, self.generation.embedding)
        self.tokens = _Tokens(config)
        self.face = nn.Linear(config.motion.expression.latent, self.generation.embedding)
        nn.init.zeros_(self.face.weight)
        nn.init.zeros_(self.face.bias)
        self.freeze()

    def freeze(self) -> None:
        """No gradients for what says pose and expression."""
        for part in (self.motion.pose, self.motion.expression, self.motion.readout):
            part.requires_grad_(False)

    def forward(
        self,
        noisy: Float[Tensor, "B T C h w"],
        timesteps: Int[Tensor, "B T"],
        reference: Float[Tensor, "B C h w"],
        source: Float[Tensor, "B 3 H W"],
        masked_source: Float[Tensor, "B 3 H W"],
        masked: Float[Tensor, "B T 3 H W"],
        expressive: Float[Tensor, "B T 3 S S"],
        driven: Float[Tensor, "B"],
        faced: Float[Tensor, "B"],
        course: Course,
    ) -> tuple[Float[Tensor, "B T C h w"], Float[Tensor, "B T C h w"], Float[Tensor, "B T 3 H W"]]:
        """The prediction from pictures, the noisy latents that it is of, and the motion trainer's drawing behind it.

        Poses are read from masked pictures, expressions from `expressive`, which show faces alone. `reference` are the latents of
        `source`.

        `driven` 0 leaves out what drives a sample, `faced` 0 its expression alone. `course` says which noisy latents are taken in
        the end; it learns nothing.
        """
        frames = noisy.shape[1]
        with torch.no_grad():
            start, poses = self.motion.pose(masked_source), self.motion.pose(masked.flatten(0, 1)).unflatten(0, (-1, frames))
            faces = self.motion.expression(expressive.flatten(0, 1)).unflatten(0, (-1, frames))
        observed = self.observe(reference, source)
        drawing = self.draw_sketch(observed.volume, start, poses, faces)
        told = self.conditions(observed, start, poses, faces, drawing).kept(driven, faced)
        with torch.no_grad():
            noisy = course(noisy, timesteps, lambda x, times, rows: self.predict(x, times, told.of(rows), observed.bank.of(rows)))
        return self.predict(noisy, timesteps, told, observed.bank), noisy, drawing.picture

    def observe(self, reference: Float[Tensor, "B C h w"], picture: Float[Tensor, "B 3 H W"]) -> Observed:
        """What is seen of clean reference latents and of the picture that they are of; run once a portrait."""
        return Observed(*self.reference.observe(reference), self.motion.appearance(picture))

    def conditions(
        self,
        observed: Observed,
        source: Float[Tensor, "B 3 4"],
        driver: Float[Tensor, "B T 3 4"],
        expression: Float[Tensor, "B T E"],
        drawing: Drawing | None = None,
    ) -> Conditions:
        """From poses, as the pose encoder gives them, and expression latents; `drawing`: what `draw_sketch` makes of them."""
        frames, size = driver.shape[1], self.dex.latent_size
        sources = source[:, None].expand(-1, frames, -1, -1)
        rays = torch.cat([ray_map(sources, size), ray_map(driver, size)], dim=2)
        features = observed.features.repeat_interleave(frames, 0)
        moved = relative_pose(driver if self.dex.warping else sources, sources).flatten(0, 1)
        if drawing is None:
            drawing = self.draw_sketch(observed.volume, source, driver, expression)
        drawn = drawing.features.flatten(0, 1)
        made = (self.warp(features, moved), self.sketch(drawn), self.echo(drawn))
        added, sketch, echo = (each.unflatten(0, (-1, frames)) for each in made)
        rays = rays.to(added.dtype) * self.dex.rays
        return Conditions(rays, added, sketch, echo, self.tokens(expression), self.face(expression))

    def draw_sketch(
        self,
        volume: Float[Tensor, "B V D h3 w3"],
        source: Float[Tensor, "B 3 4"],
        driver: Float[Tensor, "B T 3 4"],
        expression: Float[Tensor, "B T E"],
    ) -> Drawing:
        """What the motion trainer draws of a reference, and the animator is shown; without warping, in the reference's pose."""
        return self.motion.draw(volume, source, driver if self.dex.warping else source[:, None].expand_as(driver), expression)

    def predict(
        self,
        noisy: Float[Tensor, "B T C h w"],
        timesteps: Int[Tensor, "B T"],
        conditions: Conditions,
        bank: ReferenceBank,
    ) -> Float[Tensor, "B T C h w"]:
        """The prediction for each frame at its own timestep."""
        bank.expect(set(self.generation.layers))
        frames = noisy.shape[1]
        out = self.generation(
            torch.cat([noisy, conditions.rays], dim=2).flatten(0, 1),
            timesteps.flatten(),
            frames=frames,
            bank=bank,
            added=(conditions.added + conditions.sketch).flatten(0, 1),
            context=conditions.tokens.flatten(0, 1),
            embedded=conditions.face.flatten(0, 1),
        )
        levels = self.echo.levels(self.generation.embed(timesteps.flatten(), noisy.dtype))
        return (out + levels[..., None, None] * conditions.echo.flatten(0, 1)).unflatten(0, (-1, frames))


class _ReferenceWarp(nn.Module):
    """Lifts features to a volume, moves it, and flattens it to what is added behind the first convolution. Adds 0 at first."""

    def __init__(self, config: DexConfig) -> None:
        super().__init__()
        unet, lift = config.unet, config.lift
        finest = next(level for level, mode in enumerate((*unet.attention, "full")) if mode != "none")
        self.depth, self.size = lift.depth, config.latent_size
        self.lift = nn.Conv2d(unet.widths[min(finest, len(unet.widths) - 1)], lift.channels * lift.depth, 1)
        self.flat = nn.Conv2d(lift.channels * lift.depth, unet.widths[0], 1)
        self.out = nn.Conv2d(unet.widths[0], unet.widths[0], 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, features: Float[Tensor, "B E h2 w2"], moved: Float[Tensor, "B 3 4"]) -> Float[Tensor, "B D h w"]:
        volume = self.lift(features).unflatten(1, (-1, self.depth))
        flat = F.silu(self.flat(warp_volume(volume, moved).flatten(1, 2)))
        return self.out(F.interpolate(flat, size=(self.size, self.size), mode="bilinear"))


class _Echo(nn.Module):
    """What features of the drawing say of the latents themselves, and how much of it each noise level takes. Adds 0 at first."""

    def __init__(self, config: DexConfig, embedding: int) -> None:
        super().__init__()
        self.unshuffle = config.latent_scale // config.motion.unshuffle
        self.out = nn.Conv2d(config.motion.decoder[-1] * self.unshuffle**2, config.unet.channels, 3, padding=1)
        self.level = nn.Linear(embedding, config.unet.channels)
        for zero in (self.out.weight, self.out.bias, self.level.weight):
            nn.init.zeros_(zero)  # type: ignore[arg-type]
        nn.init.ones_(self.level.bias)

    def forward(self, features: Float[Tensor, "B D H W"]) -> Float[Tensor, "B C h w"]:
        return self.out(F.silu(F.pixel_unshuffle(features, self.unshuffle)))

    def levels(self, time: Float[Tensor, "B F"]) -> Float[Tensor, "B C"]:
        """Factors, from the embedding of the time."""
        return self.level(F.silu(time))


class _Tokens(nn.Module):
    """Cuts a latent into tokens, each projected, with a learned place."""

    def __init__(self, config: DexConfig) -> None:
        super().__init__()
        self.count = config.tokens
        self.project = nn.Linear(config.motion.expression.latent // config.tokens, config.context)
        self.places = nn.Parameter(torch.randn(config.tokens, config.context) * 0.1)

    def forward(self, latents: Float[Tensor, "B T E"]) -> Float[Tensor, "B T L K"]:
        return self.project(latents.unflatten(2, (self.count, -1))) + self.places
