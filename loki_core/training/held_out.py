"""People whom training cannot have met, with the truth for each question that an evaluation asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.data.portraits import Drawn, Person, draw, make_person, random_identity
from loki_core.data.samples import HELD_OUT_SEED, Sample, SyntheticConfig, SyntheticWindows, stack_params
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, head_crop, project
from loki_core.track.synthetic import random_camera, stand_before, unit_params

__all__ = ["MOVEMENTS", "HeldOut", "draw_held_out"]

MOVEMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
        "jawOpen": ("jawOpen",),
        "smile": ("mouthSmileLeft", "mouthSmileRight"),
        "brows": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    }
)
"""Movements whose direction in the picture is compared, and their units."""
_CLIP = 16
"""Frames of a clip."""
_TREMBLE_TURN, _TREMBLE_UNITS = 0.002, 0.01
"""Standard deviations of a held pose as a tracker sees it: radians of the head, shares of a unit."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a network is asked for. Scenes of one kind have the same number of targets."""

    pairs: tuple[Sample, ...]
    """Two targets: the person's own motion, then another person's expression and pose on this one's head."""
    movements: tuple[Sample, ...]
    """The head straight before the camera: neutral, which is the reference too, then each of `MOVEMENTS`."""
    moving: tuple[Sample, ...]
    """16 frames of a motion."""
    held: tuple[Sample, ...]
    """The same people holding the first of those poses for 16 frames, but for the trembling of a tracker."""


def draw_held_out(head: HeadModel, *, size: int, pairs: int, movements: int, clips: int) -> HeldOut:
    """The first so many scenes of each kind, in pictures of `size` pixels: always the same ones for one head."""
    if pairs < 2:
        raise ValueError(f"expected at least 2 people, got {pairs}: one borrows the other's motion")
    still = SyntheticWindows(head, SyntheticConfig(size=size, frames=1, clips=0.0, still=0.0, seed=HELD_OUT_SEED))
    clip = SyntheticWindows(head, SyntheticConfig(size=size, frames=_CLIP, clips=1.0, seed=HELD_OUT_SEED + 2))
    moving = tuple(clip[index] for index in range(clips))
    return HeldOut(
        _pairs(still, pairs),
        tuple(_movements(head, index, size) for index in range(movements)),
        moving,
        tuple(_held(head, clip.person(index), sample, index) for index, sample in enumerate(moving)),
    )


def _pairs(windows: SyntheticWindows, count: int) -> tuple[Sample, ...]:
    samples = [windows[index] for index in range(count)]
    made = []
    for index, sample in enumerate(samples):
        own, driver = sample.coefficients[0], samples[(index + 1) % count].coefficients[0]
        borrowed = replace(driver, betas=own.betas, translation=own.translation)
        made.append(_redrawn(windows.head, windows.person(index), sample, stack_params([own, borrowed])))
    return tuple(made)


def _movements(head: HeadModel, index: int, size: int) -> Sample:
    rng = np.random.default_rng([HELD_OUT_SEED + 1, index])
    betas = random_identity(head, rng)
    person, camera = make_person(head, betas, rng, size=size), random_camera(rng)
    strengths = [_strengths(head, units) for units in ((), *MOVEMENTS.values())]
    poses = stack_params([replace(unit_params(head, each), betas=betas) for each in strengths])
    first = stand_before(head, poses[0], camera, rng)
    params = replace(poses, translation=first.translation.expand(len(strengths), -1))
    crop = head_crop(project(camera, pose_vertices(head, first)))
    drawn = draw(head, person, params, camera, crop, size=size)
    return _sample(drawn, drawn.pictures[0], params, first, camera, crop)


def _held(head: HeadModel, person: Person, sample: Sample, index: int) -> Sample:
    rng = np.random.default_rng([HELD_OUT_SEED + 3, index])
    pose = stack_params([sample.coefficients[0]] * _CLIP)
    turn, units = pose.global_orient, pose.expression
    trembling = replace(
        pose, global_orient=turn + _noise(rng, turn, _TREMBLE_TURN), expression=units + _noise(rng, units, _TREMBLE_UNITS)
    )
    return _redrawn(head, person, sample, trembling)


def _redrawn(head: HeadModel, person: Person, sample: Sample, params: FlameParams) -> Sample:
    """The same scene with other targets."""
    drawn = draw(head, person, params, sample.camera, sample.crop, size=sample.reference.shape[-1])
    return _sample(drawn, sample.reference, params, sample.reference_coefficients, sample.camera, sample.crop)


def _sample(
    drawn: Drawn, reference: Tensor, params: FlameParams, reference_params: FlameParams, camera: Camera, crop: CropBox
) -> Sample:
    return Sample(reference, drawn.pictures, drawn.maps, drawn.masks, drawn.focus, params, reference_params, camera, crop)


def _strengths(head: HeadModel, units: tuple[str, ...]) -> Float[Tensor, "E"]:
    return torch.tensor([float(name in units) for name in head.expression_names])


def _noise(rng: np.random.Generator, like: Tensor, spread: float) -> Tensor:
    return torch.from_numpy(rng.standard_normal(tuple(like.shape)) * spread).to(like)
