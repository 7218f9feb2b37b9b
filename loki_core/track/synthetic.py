"""Random heads with known coefficients: what the tracker is measured and calibrated on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.rotation import from_yaw_pitch_roll
from loki_core.raster.camera import Camera

__all__ = ["PoseRange", "random_camera", "random_person", "random_strengths", "stand_before", "unit_params"]

_ONE_SIDED = 0.15
"""Share of movements that only one side of the face makes: winks, smirks."""
_MOVEMENTS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.5, ("jawOpen",)), (0.35, ("mouthSmile",)), (0.35, ("eyeBlink",)), (0.35, ("browInnerUp", "browOuterUp")),
    (0.2, ("browDown",)), (0.15, ("eyeWide",)), (0.15, ("eyeSquint", "cheekSquint")), (0.12, ("mouthPucker",)),
    (0.12, ("mouthFunnel",)), (0.12, ("mouthFrown",)), (0.08, ("mouthStretch",)), (0.08, ("mouthPress",)),
    (0.08, ("mouthUpperUp",)), (0.08, ("mouthLowerDown",)), (0.08, ("mouthDimple",)), (0.08, ("noseSneer",)),
    (0.08, ("mouthRollLower", "mouthRollUpper")), (0.08, ("mouthShrugLower",)), (0.06, ("mouthLeft",)), (0.06, ("mouthRight",)),
    (0.06, ("jawLeft",)), (0.06, ("jawRight",)), (0.06, ("jawForward",)),
)  # fmt: skip
"""What faces do: how often, and the units (by the start of their names) that move together."""
_OPPOSED = (("eyeBlink", "eyeWide"), ("browInnerUp", "browDown"), ("mouthSmile", "mouthFrown"), ("mouthSmile", "mouthPucker"))
"""The second of these does not happen with the first."""
_SPAN = 0.25
"""Metres from the neck to the top of a head: sets how large it appears."""


@dataclass(frozen=True)
class PoseRange:
    """Largest head turns to either side, degrees."""

    yaw: float = 35.0
    pitch: float = 20.0
    roll: float = 25.0


def random_strengths(head: HeadModel, rng: np.random.Generator) -> Float[Tensor, "E"]:
    """A random face: a few movements at once, each of random strength, and a gaze."""
    strengths = torch.zeros(head.expression_count)
    index = {name: i for i, name in enumerate(head.expression_names)}
    units = _units(head.expression_names)
    made: set[str] = set()
    for chance, stems in _MOVEMENTS:
        if rng.random() > chance or any(second == stems[0] and first in made for first, second in _OPPOSED):
            continue
        made.add(stems[0])
        strength = rng.uniform(0.1, 1)
        left_out = rng.choice(["Left", "Right"]) if rng.random() < _ONE_SIDED else "none"
        for unit in units[stems, str(left_out)]:
            strengths[unit] = strength * rng.uniform(0.85, 1)
    if "mouthClose" in index and rng.random() < 0.15:  # it closes over an open jaw, no further
        strengths[index["mouthClose"]] = rng.uniform(0, 0.9) * strengths[index["jawOpen"]]
    if "eyeLookInLeft" in index:
        _look_together(strengths, index, rng)
    return strengths


@lru_cache(maxsize=4)
def _units(names: tuple[str, ...]) -> Mapping[tuple[tuple[str, ...], str], tuple[int, ...]]:
    """The units of each movement, with no side left out, the left one, or the right one."""
    return {
        (stems, left_out): tuple(
            index
            for index, name in enumerate(names)
            if name.startswith(stems) and not (name.endswith(left_out) and name not in stems)
        )
        for _, stems in _MOVEMENTS
        for left_out in ("none", "Left", "Right")
    }


def _look_together(strengths: Float[Tensor, "E"], index: dict[str, int], rng: np.random.Generator) -> None:
    """Both eyes at one far point: overwrites the eyeLook units."""
    side, up = rng.uniform(-1, 1, 2) * (rng.random(2) < 0.6)
    for eye, outward in (("Left", 1), ("Right", -1)):
        for name, value in (("Out", side * outward), ("In", -side * outward), ("Up", up), ("Down", -up)):
            strengths[index[f"eyeLook{name}{eye}"]] = max(value, 0.0)


def unit_params(head: HeadModel, strengths: Float[Tensor, "E"]) -> FlameParams:
    """The template with expression units set, and their joints; batch shape ()."""
    turns = torch.einsum("e,ejk->jk", strengths, head.unit_joints)
    return replace(head.neutral(), expression=strengths, jaw_pose=turns[0], eye_pose=turns[1:])


def random_person(head: HeadModel, strengths: Float[Tensor, "E"], rng: np.random.Generator, reach: PoseRange) -> FlameParams:
    """A random identity with the expression `strengths`, turned at random about the origin."""
    degrees = torch.tensor([rng.uniform(-limit, limit) for limit in (reach.yaw, reach.pitch, reach.roll)])
    betas = torch.from_numpy(rng.standard_normal(head.shape_count) * rng.uniform(0.4, 1.0))
    return replace(unit_params(head, strengths), betas=betas.float(), global_orient=from_yaw_pitch_roll(degrees).float())


def random_camera(rng: np.random.Generator, *, size: int = 512) -> Camera:
    """A square picture from a camera between wide and long."""
    return Camera(focal=rng.uniform(1.3, 3.0) * size, cx=size / 2, cy=size / 2, width=size, height=size)


def stand_before(head: HeadModel, params: FlameParams, camera: Camera, rng: np.random.Generator) -> FlameParams:
    """Move the head before the camera, so that it fills 45 to 75 % of the picture's height, not quite in the middle."""
    distance = camera.focal * _SPAN / (camera.height * rng.uniform(0.45, 0.75))
    off = rng.uniform(-0.06, 0.06, 2) * camera.height / camera.focal * distance
    centre = pose_vertices(head, replace(params, translation=torch.zeros(3))).mean(0)
    return replace(params, translation=torch.tensor([*off, -distance]).float() - centre)
