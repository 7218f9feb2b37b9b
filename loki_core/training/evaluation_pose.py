"""How near a learned explicit pose comes to the known poses of synthetic heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.data.samples import Sample
from loki_core.dex.pipeline import DexPipeline
from loki_core.dex.similarity import compose_poses, pose_matrix
from loki_core.training.pictures import signed

__all__ = ["PoseAccuracy", "PoseErrors", "compare_poses", "pose_accuracy"]


@dataclass(frozen=True)
class PoseErrors:
    """Means over pictures."""

    rotation_degrees: float
    shift_percent: float
    """Of the picture's side."""
    scale_percent: float


@dataclass(frozen=True)
class PoseAccuracy:
    """Of poses that encoders give."""

    learned: PoseErrors
    constant: PoseErrors
    """What one pose for all pictures, the best, would err by."""
    pictures: int


def pose_accuracy(pipeline: DexPipeline, samples: Sequence[Sample]) -> PoseAccuracy:
    """Of all targets of the samples, whose poses and places of eyes and mouth are known."""
    learned = [pipeline.pose(signed(s.targets), s.focus).cpu() for s in samples]
    return compare_poses(torch.cat(learned), pose_matrix(torch.cat([s.places for s in samples])))


def compare_poses(learned: Float[Tensor, "N 3 4"], known: Float[Tensor, "N 3 4"]) -> PoseAccuracy:
    """Errors behind the one similarity that brings the known head to the learned one best.

    A learned pose carries a head of its own, known · A for some A: what is learned from, P_d · P_s^-1, is the same for any A.
    Rotation (by singular values), scale (in logarithms) and place (by least squares) of A are each the best for that part.
    """
    learned, known = learned.double(), known.double()
    scales, turns = _parts(known)
    seen_scales, seen_turns = _parts(learned)
    turn = _nearest_rotation((turns.mT @ seen_turns).sum(0))
    scale = (seen_scales / scales).log().mean().exp()
    place = torch.linalg.lstsq(known[:, :2, :3].flatten(0, 1), (learned - known)[:, :2, 3].flatten()[:, None]).solution
    aligned = compose_poses(known, torch.cat([scale * turn, place], dim=1).expand_as(known))
    one = torch.cat([scales.log().mean().exp() * _nearest_rotation(turns.sum(0)), known[..., 3:].mean(0)], dim=1)
    return PoseAccuracy(_errors(learned, aligned), _errors(one.expand_as(known), known), len(known))


def _errors(seen: Float[Tensor, "N 3 4"], wanted: Float[Tensor, "N 3 4"]) -> PoseErrors:
    (scales, turns), (wanted_scales, wanted_turns) = _parts(seen), _parts(wanted)
    # the chord |R - Q| = 2 sqrt(2) sin(angle / 2) is exact where the trace loses its digits
    angles = 2 * ((turns - wanted_turns).flatten(1).norm(dim=1) / 8**0.5).clamp(max=1).asin()
    shifts = (seen - wanted)[:, :2, 3].norm(dim=1) / 2
    sizes = (scales / wanted_scales - 1).abs()
    return PoseErrors(float(torch.rad2deg(angles).mean()), 100 * float(shifts.mean()), 100 * float(sizes.mean()))


def _parts(poses: Float[Tensor, "N 3 4"]) -> tuple[Float[Tensor, "N"], Float[Tensor, "N 3 3"]]:
    """Scale and rotation."""
    scales = poses[:, :, 0].norm(dim=1)
    return scales, poses[..., :3] / scales[:, None, None]


def _nearest_rotation(matrix: Float[Tensor, "3 3"]) -> Float[Tensor, "3 3"]:
    left, _, right = torch.linalg.svd(matrix)
    sign = torch.ones(3, dtype=matrix.dtype)
    sign[2] = torch.det(left @ right)
    return left @ torch.diag(sign) @ right
