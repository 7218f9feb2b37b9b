"""Fewer frames at a time where memory is short: in the layers that see one frame alone, so that pictures stay what they are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import Downsample2D, ResnetBlock2D, Upsample2D
from torch import Tensor, nn

from loki_core.diffusion.encoder import ConditioningEncoder

__all__ = ["Passes"]

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_LAYERS = (ConditioningEncoder, ResnetBlock2D, FeedForward, Downsample2D, Upsample2D)
"""See one frame at a time. Attention is left out: it sees all frames of a window, and needs little memory beside its result."""


class Passes:
    """How many frames go through such a layer at once: all, until memory runs out; then half as many, down to one."""

    def __init__(self, network: nn.Module, most: int) -> None:
        """`most`: frames of the longest window."""
        self.frames = most
        self._network = network
        self._layers: list[Any] = [module for module in network.modules() if isinstance(module, _LAYERS)]
        self._whole = [layer.forward for layer in self._layers]
        self._said = False

    def __call__(self, work: Callable[[], _T]) -> _T:
        """What `work` gives; begun again with fewer frames at a time if memory runs out.

        Raises `torch.OutOfMemoryError` where one frame at a time is too much.
        """
        while True:
            tried = self.frames
            try:
                return work()
            except torch.OutOfMemoryError:
                if tried == 1:
                    raise
            # outside of the handler, whose traceback holds on to what the attempt had made
            self._halve(tried)

    def _halve(self, tried: int) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if not self._said:
            _log.warning("memory was not enough for %d frames at once; slower, with fewer, to the same pictures", tried)
            self._said = True
        self.frames = min(self.frames, (tried + 1) // 2)  # another thread may have been here
        for module in self._network.modules():
            module._compiled_call_impl = None  # what was compiled holds for whole windows; anew it would take minutes
        for layer, whole in zip(self._layers, self._whole, strict=True):
            layer.forward = _in_parts(whole, self.frames)


def _in_parts(forward: Callable[..., Tensor], frames: int) -> Callable[..., Tensor]:
    """`forward` on so many rows at a time of all the tensors that it is given, one row a frame."""

    def run(first: Tensor, *others: Any, **named: Any) -> Tensor:
        if len(first) <= frames:
            return forward(first, *others, **named)
        parts = []
        for start in range(0, len(first), frames):
            rows = slice(start, start + frames)
            given = (each[rows] if isinstance(each, Tensor) else each for each in (first, *others))
            parts.append(forward(*given, **{name: v[rows] if isinstance(v, Tensor) else v for name, v in named.items()}))
        return torch.cat(parts)

    return run
