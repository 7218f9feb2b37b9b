"""Random heads with known coefficients: what the tracker is measured and calibrated on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.rotation import from_yaw_pitch_roll
from loki_core.raster.camera import Camera

__all__ = ["PoseRange", "random_camera", "random_person", "random_strengths", "stand_before", "unit_params"]

_PAIRED = 0.8
"""Share of expressions in which left and right move alike."""
_USUAL = {
    "jawOpen": 0.5,
    "eyeBlink": 0.3,
    "mouthSmile": 0.3,
    "browOuterUp": 0.3,
    "browInnerUp": 0.3,
    "browDown": 0.2,
    "eyeLook": 0.4,
}
"""Chance that a unit whose name starts so is moved at all."""
_RARE = 0.08
"""The same for every other unit."""
_SPAN = 0.25
"""Metres from the neck to the top of a head: sets how large it appears."""


@dataclass(frozen=True)
class PoseRange:
    """Largest head turns to either side, degrees."""

    yaw: float = 35.0
    pitch: float = 20.0
    roll: float = 25.0


def random_strengths(head: HeadModel, rng: np.random.Generator) -> Float[Tensor, "E"]:
    """A random face: few units at once, left and right mostly alike, opposed units not together."""
    index = {name: i for i, name in enumerate(head.expression_names)}
    strengths = torch.zeros(head.expression_count)
    paired = rng.random() < _PAIRED
    for name, i in index.items():
        other = index.get(name.removesuffix("Right") + "Left") if name.endswith("Right") else None
        if paired and other is not None and not name.startswith("eyeLook"):
            strengths[i] = strengths[other] + (strengths[other] > 0) * rng.uniform(-0.1, 0.1)
        elif name != "tongueOut" and rng.random() < next((c for stem, c in _USUAL.items() if name.startswith(stem)), _RARE):
            strengths[i] = rng.uniform(0, 1)
    if "eyeLookInLeft" in index:
        _look_together(strengths, index, rng)
    if "mouthClose" in index:  # it closes over an open jaw, no further
        strengths[index["mouthClose"]] = strengths[index["mouthClose"]].clamp(max=0.8 * float(strengths[index["jawOpen"]]))
    return strengths.clamp(0, 1)


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
