"""A look at a network in training: clips of people it has not met."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from loki_core.data.samples import HELD_OUT_SEED, SyntheticConfig, SyntheticWindows
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.head.model import HeadModel
from loki_core.training.sampling import sample_clip
from loki_core.training.scores import head_psnr

__all__ = ["Validation", "Validator"]

_SEED = HELD_OUT_SEED + 101
"""Apart from the people of the evaluation: what is looked at along the way must not choose among them."""
_SAMPLER = SamplerConfig(steps=10, guidance=Guidance(1.0))


@dataclass(frozen=True, eq=False)
class Validation:
    """Clips and how near they come."""

    portraits: UInt8[Tensor, "B 3 H W"]
    truth: UInt8[Tensor, "B T 3 H W"]
    made: UInt8[Tensor, "B T 3 H W"]
    head_psnr: float
    """Of the head, dB."""
    still_psnr: float
    """The same of the unmoving portrait."""


class Validator:
    """The same few people each time."""

    def __init__(self, head: HeadModel, *, size: int, frames: int, people: int = 4) -> None:
        windows = SyntheticWindows(head, SyntheticConfig(size=size, frames=frames, clips=1.0, seed=_SEED))
        self._samples = tuple(windows[index] for index in range(people))

    def __call__(self, pipeline: LokiPipeline) -> Validation:
        """Sample each clip and compare it with the truth."""
        made = torch.stack([sample_clip(pipeline, sample, _SAMPLER) for sample in self._samples])
        portraits, truth, masks = (
            torch.stack([getattr(s, name) for s in self._samples]) for name in ("reference", "targets", "masks")
        )
        still = portraits[:, None].expand_as(truth)
        scores = [head_psnr(pictures.flatten(0, 1), truth.flatten(0, 1), masks.flatten(0, 1)) for pictures in (made, still)]
        return Validation(portraits, truth, made, *scores)
