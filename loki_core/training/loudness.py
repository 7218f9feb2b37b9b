"""How loud the blocks of UNets are. Normalisation behind them hides it from the loss, so nothing else keeps it from growing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["LOUD", "heard"]

LOUD = 16.0
"""Root mean square of a block's output for one frame, above which it counts. Where `mini` draws well, it is 2 to 15."""


@contextmanager
def heard(network: nn.Module) -> Iterator[list[Float[Tensor, ""]]]:
    """Fills a list with how much too loud each block was: the mean over frames of log(rms / `LOUD`), where that is above 0.

    One number for each call of a block that gradients are kept of. Blocks add to what they are given, and those behind normalise
    it: a sum that grows does not change what is drawn, until it drowns all else and the normalisation lets no gradient through
    (Karras et al. 2024, Analyzing and Improving the Training Dynamics of Diffusion Models, section 2.2).
    """
    found: list[Tensor] = []

    def hear(block: nn.Module, given: Any, made: Any) -> None:
        if torch.is_grad_enabled():
            out = made if isinstance(made, Tensor) else made[0]
            found.append((out.float().square().mean((1, 2, 3)) / LOUD**2).clamp_min(1).log().mean() / 2)  # log(0) has no slope

    handles = [
        block.register_forward_hook(hear) for block in network.modules() if isinstance(block, ResnetBlock2D | Transformer2DModel)
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
