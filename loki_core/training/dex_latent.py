"""The expression latent of learned motion encoders in axes along which one person's faces differ alike.

As the first stage leaves it, an open jaw moves the latent many times as far as raised brows do, and what is small is heard late.
So it is whitened before the animator learns from it. The layers around it take the change up: what they draw stays the same.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from loki_core.dex.blocks import AdaptiveBlock
from loki_core.dex.motion import MotionNetwork
from loki_core.head.model import HeadModel
from loki_core.training.dex_mapping import people_of_their_own, read_motion

__all__ = ["read_latents", "whitened"]

_FLOOR = 2e-3
"""Of the largest variance: axes with less are not drawn out as far as the others."""
_PEOPLE, _FRAMES, _SEED = 120, 6, 8


def read_latents(network: MotionNetwork, head: HeadModel, people: int = _PEOPLE) -> Float[Tensor, "N T E"]:
    """Latents of synthetic people, each with several faces in several poses."""
    windows = people_of_their_own(network, head, _FRAMES, _SEED)
    samples = (windows[index] for index in range(people))
    return torch.stack([read_motion(network, sample, sample.targets)[0] for sample in samples])


def whitened(network: MotionNetwork, latents: Float[Tensor, "N T E"]) -> MotionNetwork:
    """The same network with another basis of the latent, in which each of N people's faces spread by 1 along the large axes.

    `latents` are its own, of N people with T faces each.
    """
    values = latents.double()
    middle = values.mean((0, 1))
    own = (values - values.mean(1, keepdim=True)).flatten(0, 1)
    variances, axes = torch.linalg.eigh(own.mT @ own / len(own))
    spread = (variances.clamp_min(0) + _FLOOR * variances[-1]).sqrt()
    forth, back = (axes / spread).mT, axes * spread  # back @ forth is the identity
    changed = deepcopy(network)
    out = changed.expression.out
    _set(out, forth @ out.weight.double(), forth @ (out.bias.double() - middle))
    for reader in _readers(changed):
        weight = reader.weight.double()
        _set(reader, weight @ back, reader.bias.double() + weight @ middle)
    return changed


def _readers(network: MotionNetwork) -> list[nn.Linear]:
    """The layers that read the latent."""
    blocks = (module for module in network.decoder.modules() if isinstance(module, AdaptiveBlock))
    return [network.readout, *(layer for block in blocks for layer in block.styles if isinstance(layer, nn.Linear))]


@torch.no_grad()
def _set(layer: nn.Linear, weight: Float[Tensor, "O I"], bias: Float[Tensor, "O"]) -> None:
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
