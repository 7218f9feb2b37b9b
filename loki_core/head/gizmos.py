"""Rings around the joints of a posed head, for turning it by hand: one a control, as the camera sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.head.controls import ARKIT_UNITS, control
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import from_yaw_pitch_roll, rotation_matrix
from loki_core.head.units import UnitBasis
from loki_core.raster.camera import Camera, project

__all__ = ["RingJoint", "TurnRing", "turn_rings"]

RingJoint = Literal["head", "neck", "jaw"]

_RADII: Mapping[RingJoint, float] = MappingProxyType({"head": 0.12, "neck": 0.085, "jaw": 0.095})
"""Metres."""
_HEAD_MIDDLE = (0.0, 0.075, 0.02)
"""Metres from the neck joint to the middle of the head."""
_POINTS = 64
_NECK, _JAW = 1, 2


@dataclass(frozen=True, eq=False)
class TurnRing:
    """What a hand turns to change one control."""

    control: str
    per_degree: float
    """Change of the control for one degree about the ring, counter-clockwise seen against its axis."""
    points: Float[Tensor, "K 2"]
    """A closed line in pixels, by rising angle."""


def turn_rings(
    joint: RingJoint, head: HeadModel, units: UnitBasis, base: FlameParams, values: Mapping[str, float], camera: Camera
) -> list[TurnRing]:
    """Rings of a joint; `base` (batch shape ()) is the pose without controls, `values` what they are.

    Yaw turns about the vertical axis of the base, pitch about the ear axis after that, roll about the view after both: the
    order in which `apply_controls` takes them. The jaw has a ring only where opening turns it.
    """
    turn = rotation_matrix(base.global_orient)
    if joint != "head":
        turn = turn @ _turned("head", values) @ rotation_matrix(base.neck_pose)
    if joint == "jaw":
        turn = turn @ _turned("neck", values)
        open_jaw = torch.linalg.vector_norm(units.joints[ARKIT_UNITS.index("jawOpen"), 0]).rad2deg()
        if open_jaw < 1:
            return []
        return [_ring("jawOpen", 1 / float(open_jaw), turn, 0, _place(head, base, joint, values), camera, _RADII[joint])]
    yaw, pitch, _ = (values.get(f"{joint}{name}", 0.0) for name in ("Yaw", "Pitch", "Roll"))
    centre = _place(head, base, joint, values)
    before = [torch.eye(3), _euler(yaw, 0.0), _euler(yaw, pitch)]
    return [
        _ring(f"{joint}{name}", 1.0, turn @ first, axis, centre, camera, _RADII[joint])
        for name, axis, first in zip(("Yaw", "Pitch", "Roll"), (1, 0, 2), before, strict=True)
    ]


def _euler(yaw: float, pitch: float, roll: float = 0.0) -> Float[Tensor, "3 3"]:
    return rotation_matrix(from_yaw_pitch_roll(torch.tensor([yaw, pitch, roll])))


def _turned(joint: str, values: Mapping[str, float]) -> Float[Tensor, "3 3"]:
    return _euler(*(values.get(f"{joint}{name}", control(f"{joint}{name}").default) for name in ("Yaw", "Pitch", "Roll")))


def _place(head: HeadModel, base: FlameParams, joint: RingJoint, values: Mapping[str, float]) -> Float[Tensor, "3"]:
    """Middle of the rings in camera space, metres. The head turns about the neck joint, which stays where it is."""
    rest, by_shape = head.joint_places
    joints = rest + by_shape @ base.betas
    turn = rotation_matrix(base.global_orient)
    shift = torch.tensor([values.get(name, 0.0) for name in ("headX", "headY", "headZ")]) * 0.01
    neck = joints[0] + turn @ (joints[_NECK] - joints[0]) + base.translation + shift
    if joint == "neck":
        return neck
    turn = turn @ _turned("head", values) @ rotation_matrix(base.neck_pose) @ _turned("neck", values)
    arm = torch.tensor(_HEAD_MIDDLE) if joint == "head" else joints[_JAW] - joints[_NECK]
    return neck + turn @ arm


def _ring(
    name: str,
    per_degree: float,
    frame: Float[Tensor, "3 3"],
    axis: int,
    centre: Float[Tensor, "3"],
    camera: Camera,
    radius: float,
) -> TurnRing:
    angle = torch.arange(_POINTS) * (2 * torch.pi / _POINTS)
    first, second = frame[:, (axis + 1) % 3], frame[:, (axis + 2) % 3]
    around = torch.cos(angle)[:, None] * first + torch.sin(angle)[:, None] * second
    return TurnRing(name, per_degree, project(camera, centre + radius * around))
