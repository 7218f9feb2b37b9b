"""From the authors' checkpoint (a Lightning state over LDM's modules) to our names.

`model.diffusion_model` is the generation UNet with `cond_encoder` inside, `ref_extractor.unet` the frozen reference UNet. What
the empty prompt says is not stored there; it comes from Stable Diffusion's own text encoder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
from jaxtyping import Float
from torch import Tensor

from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.network import LokiNetwork
from loki_core.errors import InputError
from loki_core.tensors import check_tensors

__all__ = ["network_state"]

_GENERATION = "model.diffusion_model."
_ENCODER = "model.diffusion_model.cond_encoder."
_REFERENCE = "ref_extractor.unet."
_UNUSED = re.compile(
    r"(first_stage_model|cond_stage_model|audio_encoder|model_ema)\."  # VAE, renderer, an older model's parts, running means
    r"|logvar$"
    r"|model\.diffusion_model\..*\.transformer_blocks\.\d+\.(attn2|norm2)\."  # text cross-attention of older checkpoints
)


def network_state(state: Mapping[str, Tensor], config: LokiConfig, null_prompt: Float[Tensor, "L K"]) -> dict[str, Tensor]:
    """What `LokiNetwork(config.to_dict())` loads, from the released code's `state_dict`.

    Raises `InputError` that names what is missing, unknown or of another shape.
    """
    parts = _parts(state)
    mapped = {f"generation.{name}": tensor for name, tensor in _from_ldm(parts[_GENERATION], config).items()}
    mapped |= {f"reference.{name}": tensor for name, tensor in _from_ldm(parts[_REFERENCE], config).items()}
    with torch.device("meta"):
        expected = LokiNetwork(config.to_dict()).state_dict()
    mapped |= _encoder(parts[_ENCODER], [name for name in expected if name.startswith("encoder.")])
    mapped["null_prompt"] = null_prompt
    check_tensors(expected, mapped, "the released checkpoint", f"the architecture '{config.name}'")
    return mapped


def _parts(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The tensors of each part without its prefix."""
    parts: dict[str, dict[str, Tensor]] = {_ENCODER: {}, _GENERATION: {}, _REFERENCE: {}}
    for name, tensor in state.items():
        if _UNUSED.match(name):
            continue
        prefix = next((prefix for prefix in parts if name.startswith(prefix)), None)
        if prefix is None:
            raise InputError(f"expected the parts {', '.join(parts)} in the released checkpoint, got {name}; use Loki's own file")
        parts[prefix][name.removeprefix(prefix)] = tensor
    if empty := [prefix for prefix, part in parts.items() if not part]:
        raise InputError(f"expected {empty[0]}* in the released checkpoint, got none; use Loki's own file")
    return parts


def _from_ldm(part: Mapping[str, Tensor], config: LokiConfig) -> dict[str, Tensor]:
    converted: dict[str, Tensor] = convert_ldm_unet_checkpoint(
        {_GENERATION + name: tensor for name, tensor in part.items()}, {"layers_per_block": config.unet.layers}
    )
    if len(converted) != len(part):
        raise InputError(
            f"expected {len(part)} tensors of a Stable Diffusion UNet, {len(converted)} are known; use Loki's own file"
        )
    return converted


def _encoder(part: Mapping[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """The conditioning encoder, whose inner names are not published: in order, which is that of use; shapes are checked later."""
    if len(part) != len(names):
        raise InputError(f"expected {len(names)} tensors of the conditioning encoder, got {len(part)}; use Loki's own file")
    return dict(zip(names, part.values(), strict=True))
