"""What the joints between windows do to a clip that is longer than one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.data.samples import HELD_OUT_SEED, SyntheticConfig, SyntheticWindows
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.diffusion.windows import Window
from loki_core.head.model import HeadModel
from loki_core.training.sampling import sample_clip

__all__ = ["Seams", "joints", "measure_seams", "seams_of"]

_SEED = HELD_OUT_SEED + 4


@dataclass(frozen=True)
class Seams:
    """Mean change of the picture from frame to frame over the truth's."""

    at_joints: float
    """Where a window begins or ends between two frames."""
    elsewhere: float
    clips: int
    frames: int
    """Of a clip."""


def measure_seams(pipeline: LokiPipeline, head: HeadModel, sampler: SamplerConfig, *, clips: int, frames: int) -> Seams:
    """Of clips of moving people whom training has not met. `frames`: more than one window has."""
    size, most = pipeline.network.loki.image_size, pipeline.network.loki.frames
    scenes = SyntheticWindows(head, SyntheticConfig(size=size, frames=frames, clips=1.0, seed=_SEED))
    samples = [scenes[index] for index in range(clips)]
    made = torch.stack([sample_clip(pipeline, sample, sampler) for sample in samples])
    return seams_of(made, torch.stack([s.targets for s in samples]), joints(sampler.windows(frames, most)))


def seams_of(made: UInt8[Tensor, "B T 3 H W"], truth: UInt8[Tensor, "B T 3 H W"], at: Sequence[int]) -> Seams:
    """`at`: the frames before which there is a joint."""
    joint = torch.zeros(made.shape[1] - 1, dtype=torch.bool)
    joint[[frame - 1 for frame in at]] = True
    ours, theirs = _changes(made), _changes(truth)
    here, elsewhere = (float(ours[:, chosen].sum() / theirs[:, chosen].sum()) for chosen in (joint, ~joint))
    return Seams(here, elsewhere, clips=made.shape[0], frames=made.shape[1])


def joints(windows: Sequence[Window]) -> tuple[int, ...]:
    """Frames that other windows see than see the frame before."""
    inner = {window.start for window in windows[1:]} | {window.stop for window in windows[:-1]}
    return tuple(sorted(inner))


def _changes(clips: UInt8[Tensor, "B T 3 H W"]) -> Float[Tensor, "B N"]:
    """Mean absolute change of each picture from the one before."""
    return (clips[:, 1:].float() - clips[:, :-1].float()).abs().mean((2, 3, 4))
