"""The start of training at full size: both UNets and the VAE from Stable Diffusion, the encoder untrained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from jaxtyping import Float
from torch import Tensor

from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.saved import read_tensors
from loki_core.errors import InputError
from loki_core.tensors import check_tensors

__all__ = ["Base", "null_prompt", "read_base", "read_base_vae"]

_CROSS_ATTENTION = (".attn2.", ".norm2.")
_TRANSFORMER = ".transformer_blocks."


@dataclass(frozen=True, eq=False)
class Base:
    """What training begins with."""

    network: LokiNetwork
    vae: AutoencoderKL | None
    """Frozen; None: the network works on pixels."""


def read_base(folder: Path, config: LokiConfig, prompt: Float[Tensor, "L K"]) -> Base:
    """Stable Diffusion 2.1 from a diffusers folder; the generation UNet loses the text's cross-attention.

    `prompt`: what its text encoder makes of the empty prompt. Raises `InputError` for weights of another architecture.
    """
    network = LokiNetwork(config.to_dict())
    state = read_tensors(folder / "unet" / "diffusion_pytorch_model.safetensors")
    check_tensors(network.reference.state_dict(), state, "unet", "Stable Diffusion")
    network.reference.load_state_dict(state)
    network.generation.load_state_dict({name: tensor for name, tensor in state.items() if not _is_cross_attention(name)})
    assert isinstance(network.null_prompt, torch.Tensor)
    if network.null_prompt.shape != prompt.shape:
        wanted, got = tuple(network.null_prompt.shape), tuple(prompt.shape)
        raise InputError(f"expected a prompt of {wanted} from the text encoder, got {got}; use Stable Diffusion 2.1")
    network.null_prompt.copy_(prompt)
    return Base(network, read_base_vae(folder))


def read_base_vae(folder: Path) -> AutoencoderKL:
    """The VAE of a diffusers folder, frozen. Raises `InputError` where it cannot be read from safetensors."""
    try:
        vae = AutoencoderKL.from_pretrained(  # knows the older names of its attention layers
            folder / "vae", use_safetensors=True, local_files_only=True, low_cpu_mem_usage=False
        )
    except (OSError, ValueError, RuntimeError) as exc:
        raise InputError(f"expected a VAE with safetensors in '{folder}/vae', got none that can be read ({exc})") from exc
    return vae.eval().requires_grad_(False)


@torch.no_grad()
def null_prompt(folder: Path) -> Float[Tensor, "L K"]:
    """What the text encoder of a diffusers folder makes of the empty prompt: its last layer's output, normalised.

    Needs the package transformers, which nothing else here does. Raises `InputError` without it, and for a folder without one.
    """
    try:
        from transformers import CLIPTextModel, CLIPTokenizer  # type: ignore[import-not-found,unused-ignore]
    except ImportError as exc:
        raise InputError("expected the package transformers for the text encoder, found none; pip install transformers") from exc
    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as exc:
        raise InputError(f"expected tokenizer and text_encoder in '{folder}', got none that can be read ({exc})") from exc
    length = encoder.config.max_position_embeddings
    tokens = tokenizer("", padding="max_length", max_length=length, return_tensors="pt").input_ids
    encoded: Tensor = encoder.eval()(tokens).last_hidden_state[0]
    return encoded


def _is_cross_attention(name: str) -> bool:
    """Whether a tensor belongs to a transformer block's look at the text; residual blocks have a norm2 of their own."""
    return _TRANSFORMER in name and any(part in name for part in _CROSS_ATTENTION)
