"""How near coefficients and the warp come to what DeX-Portrait's encoders say of the true pictures of people unmet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.data.samples import HELD_OUT_SEED, Sample
from loki_core.dex.mapping import DexMapping
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.similarity import pose_values
from loki_core.head.model import HeadModel
from loki_core.training.dex_mapping import people_of_their_own, read_motion
from loki_core.training.methods import WarpMethod

__all__ = ["ToldErrors", "measure_told"]

_FRAMES = 4
"""Pictures of each person; the first is the portrait."""


@dataclass(frozen=True)
class ToldErrors:
    """Squared distance to what the true pictures say, over that of a portrait which does not move: 0 is exact, 1 no help."""

    coefficients: float
    warp: float
    """Of the warped portrait's pictures."""


def measure_told(network: MotionNetwork, mapping: DexMapping, head: HeadModel, *, people: int) -> tuple[ToldErrors, ToldErrors]:
    """Errors of expression latents, then of poses (their six numbers), for held-out people who move as training's do.

    The first target of each is the portrait; the mapping and the warp make the others of it.
    """
    windows = people_of_their_own(network, head, _FRAMES, HELD_OUT_SEED + 6)
    samples = [_from_first(windows[index]) for index in range(people)]
    warped = WarpMethod(head).frames(samples)
    pairs = [_errors(network, mapping, head, *pair) for pair in zip(samples, warped, strict=True)]
    expression, pose = (torch.stack(each).sum(0) for each in zip(*pairs, strict=True))
    return _over_still(expression), _over_still(pose)


def _from_first(sample: Sample) -> Sample:
    return replace(sample, reference=sample.targets[0], reference_coefficients=sample.coefficients[0])


def _errors(
    network: MotionNetwork, mapping: DexMapping, head: HeadModel, sample: Sample, warped: UInt8[Tensor, "T 3 H W"]
) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """Squared distances of expression and of pose: by coefficients, by the warp, and of the unmoving portrait."""
    params, start = sample.coefficients, sample.reference_coefficients
    latents, poses = read_motion(network, sample, sample.targets)
    shown, placed = read_motion(network, sample, warped)
    told = mapping.expressions(params, start, latents[:1])
    moved = mapping.poses(head, params, start, poses[:1], sample.camera, sample.crop)
    values = pose_values(poses)
    return (
        _distances(latents, (told, shown, latents[:1])),
        _distances(values, (pose_values(moved), pose_values(placed), values[:1])),
    )


def _distances(truth: Float[Tensor, "T K"], guesses: Sequence[Float[Tensor, "_ K"]]) -> Float[Tensor, "3"]:
    return torch.stack([(guess - truth)[1:].square().sum() for guess in (each.expand_as(truth) for each in guesses)])


def _over_still(sums: Float[Tensor, "3"]) -> ToldErrors:
    coefficients, warp, still = sums.tolist()
    return ToldErrors(coefficients / still, warp / still)
