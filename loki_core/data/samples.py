"""What a network is trained on: a reference picture, target pictures of the same person, and the targets' driver maps."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from loki_core.data.portraits import Person, draw, make_person, random_identity
from loki_core.data.vectors import head_similarity, motion_vectors
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.rotation import from_yaw_pitch_roll
from loki_core.raster.camera import Camera, CropBox, head_crop, project
from loki_core.track.synthetic import PoseRange, random_camera, random_strengths, stand_before, unit_params

__all__ = ["HELD_OUT_SEED", "Batch", "Sample", "SyntheticConfig", "SyntheticWindows", "collate", "stack_params"]

HELD_OUT_SEED = 2**31
"""Seeds from here on are kept for evaluation. The trainer refuses them, and generators of different seeds never meet: numpy mixes
the pair (seed, number) into the state as a whole."""

_BETWEEN = 6
"""Frames from one key of a clip's motion to the next."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One person in one scene, seen in one crop."""

    reference: UInt8[Tensor, "3 H W"]
    """sRGB, 0 to 255, as are the targets."""
    targets: UInt8[Tensor, "T 3 H W"]
    maps: Float16[Tensor, "T 45 H W"]
    masks: Bool[Tensor, "T H W"]
    """Where the head is in the targets."""
    focus: Float[Tensor, "T H W"]
    """Share of eyes, brows, lids, lips and mouth in a pixel."""
    coefficients: FlameParams
    """Of the targets; batch shape (T,)."""
    reference_coefficients: FlameParams
    """Batch shape ()."""
    camera: Camera
    crop: CropBox
    places: Float[Tensor, "T 6"]
    """Where the head is in the targets: `head_similarity`."""

    @property
    def vectors(self) -> Float[Tensor, "T K"]:
        """The targets' poses as numbers."""
        return motion_vectors(self.coefficients, self.camera, self.crop)


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples side by side, without what only evaluation reads."""

    reference: UInt8[Tensor, "B 3 H W"]
    targets: UInt8[Tensor, "B T 3 H W"]
    maps: Float16[Tensor, "B T 45 H W"]
    masks: Bool[Tensor, "B T H W"]
    focus: Float[Tensor, "B T H W"]
    vectors: Float[Tensor, "B T K"]
    places: Float[Tensor, "B T 6"]

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True)
class SyntheticConfig:
    """Which synthetic windows there are."""

    size: int = 64
    """Side of the pictures, pixels."""
    frames: int = 4
    """Targets of a window."""
    clips: float = 0.25
    """Share of windows that are consecutive frames of a motion; the others are frames of their own."""
    still: float = 0.1
    """Share of windows of frames of their own whose head does not turn, but for the neck. It moves a few millimetres."""
    seed: int = 0
    yaw: float = 30.0
    """Largest turns to either side, degrees."""
    pitch: float = 18.0
    roll: float = 18.0


class SyntheticWindows(Dataset[Sample]):
    """An endless set: sample k depends on the seed and k alone, so that a run may stop and go on anywhere."""

    def __init__(self, head: HeadModel, config: SyntheticConfig) -> None:
        self.head, self.config = head, config

    def __getitem__(self, index: int) -> Sample:
        config, head = self.config, self.head
        rng, person = self._begin(index)
        camera = random_camera(rng)
        poses = self._poses(person.betas, rng)
        first = stand_before(head, poses[0], camera, rng)
        moved = _translations(config.frames + 1, first.translation, rng)
        params = self._arranged(replace(poses, translation=moved))
        crop = _jittered(head_crop(project(camera, pose_vertices(head, params[0]))), rng)
        drawn = draw(head, person, params, camera, crop, size=config.size)
        return Sample(
            drawn.pictures[0],
            drawn.pictures[1:],
            drawn.maps[1:],
            drawn.masks[1:],
            drawn.focus[1:],
            params[1:],
            params[0],
            camera,
            crop,
            head_similarity(head, params[1:], camera, crop),
        )

    def person(self, index: int) -> Person:
        """Whom sample `index` shows."""
        return self._begin(index)[1]

    def _begin(self, index: int) -> tuple[np.random.Generator, Person]:
        rng = np.random.default_rng([self.config.seed, index])
        betas = random_identity(self.head, rng)
        return rng, make_person(self.head, betas, rng, size=self.config.size)

    def _poses(self, betas: Float[Tensor, "S"], rng: np.random.Generator) -> FlameParams:
        """The reference, then the targets; not translated."""
        config, count = self.config, self.config.frames
        if rng.random() < config.clips:
            keys = stack_params([self._face(rng) for _ in range(2 + -(-count // _BETWEEN))])
            times = rng.uniform(0, 1) + np.arange(count) / _BETWEEN
            poses = _join(self._face(rng)[None], _between(keys, torch.from_numpy(times).float()))
        else:
            poses = stack_params([self._face(rng) for _ in range(count + 1)])
            if rng.random() < config.still:
                poses = replace(poses, global_orient=poses.global_orient[:1].expand_as(poses.global_orient))
        return replace(poses, betas=betas.expand(count + 1, -1))

    def _arranged(self, params: FlameParams) -> FlameParams:
        """The reference and the targets where they stand, as a kind of window wants them."""
        return params

    def _face(self, rng: np.random.Generator) -> FlameParams:
        """A random expression in a random pose: half of the turn in the neck at most."""
        config = self.config
        reach = PoseRange(config.yaw, config.pitch, config.roll)
        turned = rng.uniform(-1, 1, 3) * np.sqrt(rng.random()) * [reach.yaw, reach.pitch, reach.roll]
        degrees, neck = torch.from_numpy(turned).float(), rng.uniform(0, 0.5)
        params = unit_params(self.head, random_strengths(self.head, rng))
        return replace(
            params, global_orient=from_yaw_pitch_roll(degrees * (1 - neck)), neck_pose=from_yaw_pitch_roll(degrees * neck)
        )


def collate(samples: list[Sample]) -> Batch:
    """Samples of one size as a batch."""
    names = ("reference", "targets", "maps", "masks", "focus", "vectors", "places")
    return Batch(**{name: torch.stack([getattr(sample, name) for sample in samples]) for name in names})


_FIELDS = ("betas", "expression", "global_orient", "neck_pose", "jaw_pose", "eye_pose", "translation")


def stack_params(params: list[FlameParams]) -> FlameParams:
    """Coefficients of batch shape () as one batch."""
    return FlameParams(**{name: torch.stack([getattr(p, name) for p in params]) for name in _FIELDS})


def _join(first: FlameParams, second: FlameParams) -> FlameParams:
    return FlameParams(**{name: torch.cat([getattr(first, name), getattr(second, name)]) for name in _FIELDS})


def _between(keys: FlameParams, times: Float[Tensor, "T"]) -> FlameParams:
    """Keys at 0, 1, 2, ... eased into each other. The turns are small enough to mix axis-angle vectors."""
    before = times.long()
    share = times - before
    share = share * share * (3 - 2 * share)

    def mix(values: Tensor) -> Tensor:
        weight = share.reshape(-1, *[1] * (values.ndim - 1))
        return values[before] * (1 - weight) + values[before + 1] * weight

    return FlameParams(**{name: mix(getattr(keys, name)) for name in _FIELDS})


def _translations(count: int, first: Float[Tensor, "3"], rng: np.random.Generator) -> Float[Tensor, "T 3"]:
    """Places of the head about the first, a few centimetres apart."""
    away = torch.from_numpy(rng.standard_normal((count, 3)) * 0.006).float()
    away[0] = 0
    return first + away


def _jittered(crop: CropBox, rng: np.random.Generator) -> CropBox:
    """The crop, not quite as it is computed: trackers err, and heads move within a clip."""
    off = rng.uniform(-0.08, 0.08, 2) * crop.half
    return CropBox(crop.cx + off[0], crop.cy + off[1], crop.half * rng.uniform(0.95, 1.15))
