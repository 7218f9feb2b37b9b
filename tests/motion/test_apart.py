from __future__ import annotations

import pytest
import torch

from loki_core.head.model import HeadModel
from loki_core.motion.apart import with_pose, without_expression
from tests.motion.tracks import random_motion

FACE = ("betas", "expression", "jaw_pose", "eye_pose")
POSE = ("global_orient", "neck_pose", "translation")


def test_each_coefficient_is_one_of_the_two_as_it_was(head: HeadModel):
    face, pose = random_motion(head, 4, 1).params(), random_motion(head, 4, 2).params()
    mixed = with_pose(face, pose)
    assert all(torch.equal(getattr(mixed, name), getattr(face, name)) for name in FACE)
    assert all(torch.equal(getattr(mixed, name), getattr(pose, name)) for name in POSE)


def test_performances_of_different_lengths_are_refused(head: HeadModel):
    with pytest.raises(ValueError, match="as many poses"):
        with_pose(random_motion(head, 4).params(), random_motion(head, 3).params())


def test_a_face_at_rest_keeps_person_and_pose(head: HeadModel):
    moved = random_motion(head, 2, 3).params()
    rest = without_expression(moved)
    assert all(torch.equal(getattr(rest, name), getattr(moved, name)) for name in ("betas", *POSE))
    assert not any(getattr(rest, name).any() for name in ("expression", "jaw_pose", "eye_pose"))
