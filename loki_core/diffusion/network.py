"""The whole Loki network: generation UNet, conditioning encoder and reference UNet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float, Int
from torch import Tensor, nn

from loki_core.diffusion.attention import ReferenceBank
from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.encoder import ConditioningEncoder, VectorEncoder
from loki_core.diffusion.unet import FrameUNet

__all__ = ["LokiNetwork", "ParameterCount", "count_parameters"]


@dataclass(frozen=True)
class ParameterCount:
    """Numbers of parameters."""

    generation: int
    encoder: int
    reference: int

    @property
    def total(self) -> int:
        """All three parts; the VAE is not among them."""
        return self.generation + self.encoder + self.reference


class LokiNetwork(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts noise or velocity of the frames of a clip from driver maps and a reference picture.

    `architecture` is `LokiConfig.to_dict()`; it is stored beside the weights.
    """

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(self, architecture: Mapping[str, Any]) -> None:
        super().__init__()
        self.loki = config = LokiConfig.from_dict(architecture)
        context = config.reference.context
        self.generation = FrameUNet(config.unet)
        by_vector = config.encoder.reads == "vector"
        self.encoder = VectorEncoder(config.encoder, config.latent_size) if by_vector else ConditioningEncoder(config.encoder)
        self.reference = FrameUNet(config.unet, context=context[1] if context else None, whole=config.reference.whole)
        self.register_buffer("null_prompt", torch.zeros(context) if context else None)
        self.freeze()

    def freeze(self) -> None:
        """No gradients for a frozen reference, nor for what its last attention computes, since only its input is read."""
        if self.loki.reference.frozen:
            self.reference.requires_grad_(False)
        elif not self.loki.reference.whole:
            _freeze_behind_norm1(self.reference)

    def remember(self, reference: Float[Tensor, "B C h w"]) -> ReferenceBank:
        """Features of clean reference latents; run once a portrait. A frozen reference gives no gradients."""
        context = None if self.null_prompt is None else self.null_prompt.expand(len(reference), -1, -1).to(reference.dtype)
        graded = torch.is_grad_enabled() and not self.loki.reference.frozen
        with torch.set_grad_enabled(graded):
            return self.reference.observe(reference, context=context)[0]

    def forward(
        self,
        noisy: Float[Tensor, "B T C h w"],
        timesteps: Int[Tensor, "B T"],
        maps: Float[Tensor, "B T M H W"],
        reference: Float[Tensor, "B C h w"] | ReferenceBank,
    ) -> Float[Tensor, "B T C h w"]:
        """The prediction for each frame at its own timestep. `reference`: clean latents, or what `remember` made of them."""
        bank = reference if isinstance(reference, ReferenceBank) else self.remember(reference)
        return self.predict(noisy, timesteps, self.encode(maps), bank)

    def encode(self, maps: Float[Tensor, "B T M H W"]) -> Float[Tensor, "B T D h w"]:
        """What the driver maps add behind the UNet's first convolution; the same at each step of sampling.

        A network that reads vectors takes them as maps of one pixel: H = W = 1.
        """
        return self.encoder(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])

    def predict(
        self,
        noisy: Float[Tensor, "B T C h w"],
        timesteps: Int[Tensor, "B T"],
        encoded: Float[Tensor, "B T D h w"],
        bank: ReferenceBank,
    ) -> Float[Tensor, "B T C h w"]:
        """`forward` from what `encode` and `remember` gave."""
        bank.expect(set(self.generation.layers))
        frames = noisy.shape[1]
        out = self.generation(noisy.flatten(0, 1), timesteps.flatten(), frames=frames, bank=bank, added=encoded.flatten(0, 1))
        return out.unflatten(0, (-1, frames))


def count_parameters(config: LokiConfig) -> ParameterCount:
    """Of the network that `config` describes, without making its weights."""
    with torch.device("meta"):
        network = LokiNetwork(config.to_dict())
    return ParameterCount(*(_count(part) for part in (network.generation, network.encoder, network.reference)))


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _freeze_behind_norm1(reference: FrameUNet) -> None:
    """No gradients for what follows the last `norm1`."""
    last: Any = reference.up_blocks[-1]
    transformer = last.attentions[-1]
    block = transformer.transformer_blocks[-1]
    for module in (block.attn1, block.norm3, block.ff, transformer.proj_out):
        module.requires_grad_(False)
