"""Rings that turn a head by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.head.arkit import apply_controls
from loki_core.head.embedded import embedded_head
from loki_core.head.gizmos import RingJoint, turn_rings
from loki_core.head.model import pose_vertices
from loki_core.head.rotation import rotation_matrix
from loki_core.head.units import unit_basis
from loki_core.raster.camera import Camera

HEAD = embedded_head()
UNITS = unit_basis(HEAD, HEAD)
CAMERA = Camera(900.0, 256.0, 256.0, 512, 512)
BASE = replace(HEAD.neutral(), global_orient=torch.tensor([0.1, -0.3, 0.05]), translation=torch.tensor([0.02, 0.01, -0.8]))
ANGLES = {name: st.floats(-25, 25) for name in ("headYaw", "headPitch", "headRoll", "neckYaw", "neckPitch", "neckRoll")}


@pytest.mark.parametrize("joint", ["head", "neck"])
def test_each_turn_has_a_closed_ring_in_the_picture(joint: RingJoint) -> None:
    rings = turn_rings(joint, HEAD, UNITS, BASE, {}, CAMERA)
    assert [ring.control for ring in rings] == [f"{joint}{name}" for name in ("Yaw", "Pitch", "Roll")]
    for ring in rings:
        steps = torch.linalg.vector_norm(ring.points - ring.points.roll(1, 0), dim=-1)
        assert ring.points.isfinite().all() and steps.max() < 25


@given(st.fixed_dictionaries(ANGLES), st.sampled_from(["head", "neck"]), st.sampled_from(["Yaw", "Pitch", "Roll"]))
def test_a_ring_lies_in_the_plane_that_its_control_turns(values: dict[str, float], joint: RingJoint, name: str) -> None:
    control = f"{joint}{name}"
    index = ("Yaw", "Pitch", "Roll").index(name)
    now = rotation_of(joint, values)
    after = rotation_of(joint, {**values, control: values[control] + 1.0})
    axis = vector_of(after @ now.T)
    far = Camera(1e7, 0.0, 0.0, 2, 2)  # so far away that pixels are metres
    back = replace(BASE, translation=torch.tensor([0.0, 0.0, -1e7]))
    points = turn_rings(joint, HEAD, UNITS, back, values, far)[index].points * torch.tensor([1.0, -1.0])
    middle, spread = points.mean(0), torch.linalg.svd(points - points.mean(0)).S
    foreshortened = float(spread[1] / spread[0])
    assert foreshortened == pytest.approx(abs(float(axis[2])), abs=0.05)
    assert middle.isfinite().all()


def rotation_of(joint: str, values: dict[str, float]) -> torch.Tensor:
    """What the joint's own turn makes of directions, camera space."""
    posed = apply_controls(HEAD, UNITS, BASE, values)
    turn = rotation_matrix(posed.global_orient)
    return (turn @ rotation_matrix(posed.neck_pose) if joint == "neck" else turn).double()


def vector_of(turn: torch.Tensor) -> torch.Tensor:
    """Axis of a small turn."""
    skew = (turn - turn.T) / 2
    axis = torch.stack([skew[2, 1], skew[0, 2], skew[1, 0]])
    return axis / torch.linalg.vector_norm(axis)


def test_turning_the_head_takes_the_jaws_ring_along() -> None:
    still, turned = (turn_rings("jaw", HEAD, UNITS, BASE, v, CAMERA)[0] for v in ({}, {"headYaw": 30.0}))
    assert still.control == "jawOpen" and 0 < still.per_degree < 0.2
    jaw = HEAD.vertex_masks["jaw"]
    moved = [pose_vertices(HEAD, apply_controls(HEAD, UNITS, BASE, v))[jaw].mean(0) for v in ({}, {"headYaw": 30.0})]
    assert (turned.points.mean(0) - still.points.mean(0))[0] * (moved[1] - moved[0])[0] > 0
