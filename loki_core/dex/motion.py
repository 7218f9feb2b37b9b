"""The motion trainer of DeX-Portrait: a source's volume in the driver's pose, drawn with the driver's expression."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from loki_core.dex.blocks import AdaptiveBlock
from loki_core.dex.configs import MotionConfig
from loki_core.dex.encoders import AppearanceEncoder, ExpressionEncoder, PoseEncoder
from loki_core.dex.similarity import relative_pose, warp_volume

__all__ = ["MotionNetwork"]


class MotionNetwork(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Three encoders and the decoder that they are learned with. Pictures are in [-1, 1].

    `architecture` is `MotionConfig.to_dict()`; it is stored beside the weights.
    """

    @register_to_config
    def __init__(self, architecture: Mapping[str, Any]) -> None:
        super().__init__()
        self.motion = config = MotionConfig.from_dict(architecture)
        self.appearance = AppearanceEncoder(config.volume)
        self.pose = PoseEncoder(config.pose)
        self.expression = ExpressionEncoder(config.expression)
        self.decoder = _Decoder(config)

    def forward(
        self,
        source: Float[Tensor, "B 3 H W"],
        masked_source: Float[Tensor, "B 3 H W"],
        masked_driver: Float[Tensor, "B 3 H W"],
        expressive: Float[Tensor, "B 3 H W"],
    ) -> Float[Tensor, "B 3 H W"]:
        """The source as the driver is posed and another picture of it looks.

        Pose is read from pictures whose eyes and mouth are masked, expression from `expressive`: the driver, or another view of
        the same instant.
        """
        moved = relative_pose(self.pose(masked_driver), self.pose(masked_source))
        return self.decoder(warp_volume(self.appearance(source), moved), self.expression(expressive))


class _Decoder(nn.Module):
    """Flattens a volume along z and draws it, each stage conditioned by the expression."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        widths, latent = config.decoder, config.expression.latent
        self.flat = nn.Conv2d(config.volume.channels * config.volume.depth, widths[0], 1)
        self.first = AdaptiveBlock(widths[0], widths[0], latent)
        self.stages = nn.ModuleList(AdaptiveBlock(before, after, latent) for before, after in pairwise(widths))
        self.out = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, volume: Float[Tensor, "B C D h w"], latent: Float[Tensor, "B E"]) -> Float[Tensor, "B 3 H W"]:
        hidden = self.first(self.flat(volume.flatten(1, 2)), latent)
        for stage in self.stages:
            hidden = stage(F.interpolate(hidden, scale_factor=2.0, mode="nearest"), latent)
        return self.out(F.silu(hidden))
