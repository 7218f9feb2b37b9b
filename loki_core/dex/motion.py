"""The motion trainer of DeX-Portrait: a source's volume in the driver's pose, drawn with the driver's expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from loki_core.dex.blocks import AdaptiveBlock
from loki_core.dex.configs import MotionConfig
from loki_core.dex.encoders import AppearanceEncoder, ExpressionEncoder, PoseEncoder
from loki_core.dex.similarity import head_plane, relative_pose, warp_volume

__all__ = ["Drawing", "MotionNetwork"]

_OCTAVES = 4
"""Of the waves that say which place of the head a pixel shows."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Sources as drivers move them."""

    picture: Float[Tensor, "B K 3 H W"]
    features: Float[Tensor, "B K D h w"]
    """That the picture is read from."""


class MotionNetwork(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Three encoders and the decoder that they are learned with. Pictures are in [-1, 1].

    `architecture` is `MotionConfig.to_dict()`; it is stored beside the weights.
    """

    @register_to_config
    def __init__(self, architecture: Mapping[str, Any]) -> None:
        super().__init__()
        self.motion = config = MotionConfig.from_dict(architecture)
        self.appearance = AppearanceEncoder(config.volume, config.unshuffle)
        self.pose = PoseEncoder(config.pose, config.image_size)
        self.expression = ExpressionEncoder(config.expression)
        self.readout = nn.Linear(config.expression.latent, config.expression.numbers)
        self.decoder = _Decoder(config)

    def forward(
        self,
        masked: Float[Tensor, "B N 3 H W"],
        expressive: Float[Tensor, "B K 3 S S"],
        source: Float[Tensor, "B 3 H W"] | None = None,
    ) -> tuple[Float[Tensor, "B N 3 4"], Float[Tensor, "B K F"], Float[Tensor, "B K 3 H W"] | None]:
        """Poses of pictures whose eyes and mouth are masked, coefficients of faces; with `source`, also what is drawn from them.

        Then `masked` are those of the source and of K drivers: the source is drawn as each driver is posed and as another picture
        of its face looks, which is the driver itself or another view of the same instant.
        """
        poses = self.pose(masked.flatten(0, 1)).unflatten(0, masked.shape[:2])
        latents = self.expression(expressive.flatten(0, 1))
        faces = self.readout(latents).float().unflatten(0, expressive.shape[:2])
        if source is None:
            return poses, faces, None
        drivers = poses[:, 1:]
        drawing = self.draw(self.appearance(source), poses[:, 0], drivers, latents.unflatten(0, drivers.shape[:2]))
        return poses, faces, drawing.picture

    def draw(
        self,
        volumes: Float[Tensor, "B C D h w"],
        source: Float[Tensor, "B 3 4"],
        drivers: Float[Tensor, "B K 3 4"],
        latents: Float[Tensor, "B K E"],
    ) -> Drawing:
        """Volumes of `appearance`, each from its source's pose to those of K drivers, with an expression for each."""
        count = drivers.shape[1]
        moved = relative_pose(drivers, source[:, None].expand_as(drivers)).flatten(0, 1)
        volumes = warp_volume(volumes.repeat_interleave(count, 0), moved)
        picture, features = self.decoder(volumes, drivers.flatten(0, 1), latents.flatten(0, 1))
        return Drawing(picture.unflatten(0, (-1, count)), features.unflatten(0, (-1, count)))


class _Decoder(nn.Module):
    """Flattens a volume along z and draws it, each stage conditioned by the expression.

    It is told which place of the head each pixel shows, as waves of the head's x and y: lids and corners of a mouth are there.
    """

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        widths, latent = config.decoder, config.expression.latent
        self.flat = nn.Conv2d(config.volume.channels * config.volume.depth + 4 * _OCTAVES, widths[0], 1)
        self.first = AdaptiveBlock(widths[0], widths[0], latent)
        self.stages = nn.ModuleList(AdaptiveBlock(before, after, latent) for before, after in pairwise(widths))
        self.same = len(self.stages) - config.volume.level
        self.unshuffle = config.unshuffle
        self.out = nn.Conv2d(widths[-1], 3 * config.unshuffle**2, 3, padding=1)

    def forward(
        self, volume: Float[Tensor, "B C D h w"], pose: Float[Tensor, "B 3 4"], latent: Float[Tensor, "B E"]
    ) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B F h2 w2"]]:
        places = _waves(head_plane(pose, volume.shape[-1])).to(volume.dtype)
        hidden = self.first(self.flat(torch.cat([volume.flatten(1, 2), places], dim=1)), latent)
        for index, stage in enumerate(self.stages):
            larger = hidden if index < self.same else F.interpolate(hidden, scale_factor=2.0, mode="nearest")
            hidden = stage(larger, latent)
        return F.pixel_shuffle(self.out(F.silu(hidden)), self.unshuffle), hidden


def _waves(places: Float[Tensor, "B 2 h w"]) -> Float[Tensor, "B F h w"]:
    """Sines and cosines of coordinates, from one wave on [-1, 1] up, each octave twice as fine."""
    octaves = torch.pi * 2.0 ** torch.arange(_OCTAVES, device=places.device)
    turns = (places[:, None] * octaves[:, None, None, None]).flatten(1, 2)
    return torch.cat([turns.sin(), turns.cos()], dim=1)
