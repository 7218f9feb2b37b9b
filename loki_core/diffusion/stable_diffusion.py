"""The start of training at full size: both UNets from Stable Diffusion, the encoder untrained."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.saved import read_tensors
from loki_core.tensors import check_tensors

__all__ = ["from_stable_diffusion"]

_CROSS_ATTENTION = (".attn2.", ".norm2.")
_TRANSFORMER = ".transformer_blocks."


def from_stable_diffusion(folder: Path, config: LokiConfig, null_prompt: Float[Tensor, "L K"]) -> LokiNetwork:
    """The network whose generation and reference UNets are Stable Diffusion's; the generation loses the text's cross-attention.

    `folder` is a diffusers folder with unet/diffusion_pytorch_model.safetensors, `null_prompt` what its text encoder makes of the
    empty prompt. Raises `InputError` for weights of another architecture.
    """
    network = LokiNetwork(config.to_dict())
    state = read_tensors(folder / "unet" / "diffusion_pytorch_model.safetensors")
    check_tensors(network.reference.state_dict(), state, "unet", "Stable Diffusion")
    network.reference.load_state_dict(state)
    network.generation.load_state_dict({name: tensor for name, tensor in state.items() if not _is_cross_attention(name)})
    assert isinstance(network.null_prompt, torch.Tensor)
    network.null_prompt.copy_(null_prompt)
    return network


def _is_cross_attention(name: str) -> bool:
    """Whether a tensor belongs to a transformer block's look at the text; residual blocks have a norm2 of their own."""
    return _TRANSFORMER in name and any(part in name for part in _CROSS_ATTENTION)
