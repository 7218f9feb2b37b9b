"""People whom training cannot have met, with the truth for each question that an evaluation asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.data.portraits import Drawn, Person, draw, make_person, random_identity
from loki_core.data.samples import HELD_OUT_SEED, Sample, SyntheticConfig, SyntheticWindows, stack_params
from loki_core.data.vectors import head_similarity
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.motion.apart import with_pose
from loki_core.raster.camera import Camera, CropBox, head_crop, project
from loki_core.track.synthetic import random_camera, stand_before, unit_params

__all__ = ["CLIP_FRAMES", "FACE_CHANGED", "MOVEMENTS", "POSE_CHANGED", "Driven", "HeldOut", "draw_held_out"]

MOVEMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
        "jawOpen": ("jawOpen",),
        "smile": ("mouthSmileLeft", "mouthSmileRight"),
        "brows": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    }
)
"""Movements whose direction in the picture is compared, and their units."""
CLIP_FRAMES = 16
"""Frames of a clip."""
_TREMBLE_TURN, _TREMBLE_UNITS = 0.002, 0.01
"""Standard deviations of a held pose as a tracker sees it: radians of the head, shares of a unit."""


FACE_CHANGED, POSE_CHANGED = 1, 2
"""Targets of a scene of `HeldOut.apart` in which the face, or the pose, is of a fourth person; target 0 is before that."""
_OTHERS = 3
"""People from whom such a scene takes motion."""


_OF_DRIVERS = ("poses", "pose_focus", "faces", "face_places")


@dataclass(frozen=True, eq=False)
class Driven(Sample):
    """A scene with the pictures that its motion can be seen in: what a method is told that looks at pictures.

    They show whoever drives, in this scene's camera and crop and at this person's place, so that a target is the same motion on
    another head. Where a person drives themselves they are the targets.
    """

    poses: UInt8[Tensor, "T 3 H W"]
    """Of those whose pose the targets have."""
    pose_focus: Float[Tensor, "T H W"]
    """Share of eyes, brows, lids, lips and mouth in a pixel of them."""
    faces: UInt8[Tensor, "T 3 H W"]
    """Of those whose expression the targets have."""
    face_places: Float[Tensor, "T 6"]
    """Where the heads are in them, as `head_similarity` gives it."""

    def first(self, count: int) -> Driven:
        """The scene with its first targets alone."""
        names = ("targets", "maps", "masks", "focus", "coefficients", "places")
        return replace(self, **{name: getattr(self, name)[:count] for name in (*names, *_OF_DRIVERS)})


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a network is asked for. Scenes of one kind have the same number of targets."""

    pairs: tuple[Driven, ...]
    """Two targets: the person's own motion, then another person's expression and pose on this one's head."""
    apart: tuple[Driven, ...]
    """Three targets on this person's head: a second person's pose with a third one's expression; the same pose with a fourth
    one's expression; the fourth one's pose with the third one's expression."""
    shown: tuple[Person, ...]
    """Whom the scenes of `apart` show."""
    movements: tuple[Driven, ...]
    """The head straight before the camera: neutral, which is the reference too, then each of `MOVEMENTS`."""
    moving: tuple[Driven, ...]
    """16 frames of a motion."""
    held: tuple[Driven, ...]
    """The same people holding the first of those poses for 16 frames, but for the trembling of a tracker."""


def draw_held_out(head: HeadModel, *, size: int, pairs: int, apart: int, movements: int, clips: int) -> HeldOut:
    """The first so many scenes of each kind, in pictures of `size` pixels: always the same ones for one head."""
    if pairs < 2:
        raise ValueError(f"expected at least 2 people, got {pairs}: one borrows the other's motion")
    still = SyntheticWindows(head, SyntheticConfig(size=size, frames=1, clips=0.0, still=0.0, seed=HELD_OUT_SEED))
    clip = SyntheticWindows(head, SyntheticConfig(size=size, frames=CLIP_FRAMES, clips=1.0, seed=HELD_OUT_SEED + 2))
    people = max(pairs, apart + _OTHERS if apart else 0)
    met = [_Met(still[index], still, index) for index in range(people)]
    moving = tuple(clip[index] for index in range(clips))
    return HeldOut(
        tuple(_pair(head, met[index], met[(index + 1) % pairs]) for index in range(pairs)),
        tuple(_apart(head, *met[index : index + 1 + _OTHERS]) for index in range(apart)),
        tuple(each.person for each in met[:apart]),
        tuple(_movements(head, index, size) for index in range(movements)),
        tuple(_by_itself(sample) for sample in moving),
        tuple(_held(head, clip.person(index), sample, index) for index, sample in enumerate(moving)),
    )


@dataclass(frozen=True, eq=False)
class _Met:
    """Somebody with a portrait and a motion of their own, the only target."""

    sample: Sample
    windows: SyntheticWindows
    index: int

    @cached_property
    def person(self) -> Person:
        return self.windows.person(self.index)

    @property
    def motion(self) -> FlameParams:
        return self.sample.coefficients[0]


def _pair(head: HeadModel, own: _Met, driver: _Met) -> Driven:
    borrowed = _on(own, driver.motion)
    sample = _redrawn(head, own.person, own.sample, stack_params([own.motion, borrowed]))
    seen = _in_scene(head, own, driver)
    poses, focus = torch.cat([sample.targets[:1], seen.pictures]), torch.cat([sample.focus[:1], seen.focus])
    return replace(sample, poses=poses, pose_focus=focus, faces=poses, face_places=torch.cat([sample.places[:1], seen.places]))


def _apart(head: HeadModel, own: _Met, pose: _Met, face: _Met, other: _Met) -> Driven:
    drivers = ((pose, face), (pose, other), (other, face))
    motions = [with_pose(_on(own, its_face.motion), _on(own, its_pose.motion)) for its_pose, its_face in drivers]
    sample = _redrawn(head, own.person, own.sample, stack_params(motions))
    posed, faced, fourth = (_in_scene(head, own, each) for each in (pose, face, other))
    shown = (posed, posed, fourth)
    return replace(
        sample,
        poses=torch.cat([each.pictures for each in shown]),
        pose_focus=torch.cat([each.focus for each in shown]),
        faces=torch.cat([faced.pictures, fourth.pictures, faced.pictures]),
        face_places=torch.cat([faced.places, fourth.places, faced.places]),
    )


def _on(own: _Met, motion: FlameParams) -> FlameParams:
    """Another's expression and pose on this person's head, at its place."""
    return replace(motion, betas=own.motion.betas, translation=own.motion.translation)


@dataclass(frozen=True, eq=False)
class _Seen:
    """Somebody who drives, in one picture."""

    pictures: UInt8[Tensor, "1 3 H W"]
    focus: Float[Tensor, "1 H W"]
    places: Float[Tensor, "1 6"]


def _in_scene(head: HeadModel, own: _Met, driver: _Met) -> _Seen:
    """The driver in the other one's scene, as they are, the middle of the head where the other one's is."""
    scene, wanted = own.sample, _on(own, driver.motion)
    there = replace(driver.motion, translation=wanted.translation)
    away = pose_vertices(head, wanted).mean(0) - pose_vertices(head, there).mean(0)
    moved = replace(there, translation=there.translation + away)[None]
    drawn = draw(head, driver.person, moved, scene.camera, scene.crop, size=scene.reference.shape[-1])
    return _Seen(drawn.pictures, drawn.focus, head_similarity(head, moved, scene.camera, scene.crop))


def _movements(head: HeadModel, index: int, size: int) -> Driven:
    rng = np.random.default_rng([HELD_OUT_SEED + 1, index])
    betas = random_identity(head, rng)
    person, camera = make_person(head, betas, rng, size=size), random_camera(rng)
    strengths = [_strengths(head, units) for units in ((), *MOVEMENTS.values())]
    poses = stack_params([replace(unit_params(head, each), betas=betas) for each in strengths])
    first = stand_before(head, poses[0], camera, rng)
    params = replace(poses, translation=first.translation.expand(len(strengths), -1))
    crop = head_crop(project(camera, pose_vertices(head, first)))
    drawn = draw(head, person, params, camera, crop, size=size)
    return _sample(head, drawn, drawn.pictures[0], params, first, camera, crop)


def _held(head: HeadModel, person: Person, sample: Sample, index: int) -> Driven:
    rng = np.random.default_rng([HELD_OUT_SEED + 3, index])
    pose = stack_params([sample.coefficients[0]] * CLIP_FRAMES)
    turn, units = pose.global_orient, pose.expression
    trembling = replace(
        pose, global_orient=turn + _noise(rng, turn, _TREMBLE_TURN), expression=units + _noise(rng, units, _TREMBLE_UNITS)
    )
    return _redrawn(head, person, sample, trembling)


def _redrawn(head: HeadModel, person: Person, sample: Sample, params: FlameParams) -> Driven:
    """The same scene with other targets, which the person itself drives."""
    drawn = draw(head, person, params, sample.camera, sample.crop, size=sample.reference.shape[-1])
    return _sample(head, drawn, sample.reference, params, sample.reference_coefficients, sample.camera, sample.crop)


def _sample(
    head: HeadModel,
    drawn: Drawn,
    reference: Tensor,
    params: FlameParams,
    reference_params: FlameParams,
    camera: Camera,
    crop: CropBox,
) -> Driven:
    places = head_similarity(head, params, camera, crop)
    shown = (drawn.pictures, drawn.maps, drawn.masks, drawn.focus)
    return _by_itself(Sample(reference, *shown, params, reference_params, camera, crop, places))


def _by_itself(sample: Sample) -> Driven:
    return Driven(**vars(sample), poses=sample.targets, pose_focus=sample.focus, faces=sample.targets, face_places=sample.places)


def _strengths(head: HeadModel, units: tuple[str, ...]) -> Float[Tensor, "E"]:
    return torch.tensor([float(name in units) for name in head.expression_names])


def _noise(rng: np.random.Generator, like: Tensor, spread: float) -> Tensor:
    return torch.from_numpy(rng.standard_normal(tuple(like.shape)) * spread).to(like)
