from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.metrics.expression import hef
from loki_core.motion.clip import Motion
from tests.motion.tracks import random_motion, still_motion

SIZE = 96


def rigid_head(head: HeadModel) -> HeadModel:
    """A head whose first axis shifts everything one deformation unit to the left."""
    basis = torch.zeros_like(head.expression_basis)
    basis[:, 0, 0] = head.deformation_scale
    return replace(head, expression_basis=basis, face_part=torch.zeros_like(head.face_part))


def shifted(head: HeadModel, values: list[float]) -> Motion:
    motion = still_motion(head, len(values))
    motion.expression[:, 0] = torch.tensor(values)
    return motion


def test_motion_has_no_distance_from_itself(tiny_head: HeadModel) -> None:
    motion = random_motion(tiny_head, 3)
    assert hef(motion, motion, tiny_head, size=SIZE) == 0


def test_shift_of_everything_along_x_is_a_third_of_it(tiny_head: HeadModel) -> None:
    """(0.1, 0, 0) has the mean 0.1 / 3; the shift is small, so that both heads cover the same pixels."""
    head = rigid_head(tiny_head)
    assert hef(shifted(head, [0.1]), shifted(head, [0.0]), head, size=SIZE) == pytest.approx(0.1 / 3, rel=0.02)


@pytest.mark.parametrize(("frames", "expected"), [(None, 1.0), (2, 0.5), (1, 0.0)])
def test_mean_is_over_the_asked_frames(tiny_head: HeadModel, frames: int | None, expected: float) -> None:
    head = rigid_head(tiny_head)
    value = hef(still_motion(head, 3), shifted(head, [0.0, 0.3, 0.6]), head, frames=frames, size=SIZE)
    assert value == pytest.approx(expected * 0.1, abs=0.005)


def test_only_expression_jaw_and_eyes_of_the_prediction_count(tiny_head: HeadModel) -> None:
    target = random_motion(tiny_head, 2, 1)
    other = random_motion(tiny_head, 2, 2)
    same_face = replace(other, expression=target.expression, jaw_pose=target.jaw_pose, eye_pose=target.eye_pose)
    assert hef(same_face, target, tiny_head, size=SIZE) == 0
    assert hef(replace(target, jaw_pose=other.jaw_pose), target, tiny_head, size=SIZE) > 0


def test_value_hardly_depends_on_the_size_of_the_map(tiny_head: HeadModel) -> None:
    pred, target = random_motion(tiny_head, 2, 1), random_motion(tiny_head, 2, 2)
    assert hef(pred, target, tiny_head, size=64) == pytest.approx(hef(pred, target, tiny_head, size=256), rel=0.03)


def test_what_cannot_be_compared_is_refused(tiny_head: HeadModel) -> None:
    motion = still_motion(tiny_head, 1)
    with pytest.raises(InputError, match="tracked with a camera"):
        hef(motion, replace(motion, camera=None), tiny_head)
    with pytest.raises(ValueError, match="two motions on the head 'tiny'"):
        hef(replace(motion, head=replace(tiny_head.id, name="other")), motion, tiny_head)
