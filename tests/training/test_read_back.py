"""What is seen in pictures beside what was asked of them, with hand-made sights in place of the tracker's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.head.embedded import embedded_head
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, from_yaw_pitch_roll
from loki_core.training.held_out import FACE_CHANGED, POSE_CHANGED, Driven, draw_held_out
from loki_core.training.read_back import ReadBack, Separation, read_back, separation

HEAD = embedded_head()


@pytest.fixture(scope="module")
def sample() -> Driven:
    return draw_held_out(HEAD, size=16, pairs=2, apart=1, movements=1, clips=1).apart[0]


def turned(params: FlameParams, degrees: float) -> FlameParams:
    turn = from_yaw_pitch_roll(torch.tensor([degrees, 0.0, 0.0])).to(params.global_orient)
    return replace(params, global_orient=compose(turn, params.global_orient))


def test_what_is_seen_as_asked_has_no_error(sample: Driven):
    asked = [sample.coefficients[0], sample.coefficients[1]]
    found = read_back(asked, asked, [sample, sample], HEAD)
    assert found.pose_degrees == pytest.approx(0, abs=1e-3) and found.hef == 0 and found.found == 1


def test_pictures_without_a_face_count_in_the_share_alone(sample: Driven):
    asked = [sample.coefficients[0]] * 4
    found = read_back([turned(asked[0], 10), None, turned(asked[0], -20), None], asked, [sample] * 4, HEAD)
    assert found.pose_degrees == pytest.approx(15, abs=1e-3) and found.hef == 0 and found.found == 0.5
    assert read_back([None] * 4, asked, [sample] * 4, HEAD) == ReadBack(None, None, 0.0)


def test_coefficients_that_are_substituted_move_nothing_apart(sample: Driven):
    before, face, pose = (sample.coefficients[k] for k in (0, FACE_CHANGED, POSE_CHANGED))
    found = separation([before], [face], [pose], [sample], HEAD)
    assert found.pose_degrees == pytest.approx(0, abs=1e-3) and found.hef == 0 and (found.pose_people, found.hef_people) == (1, 1)


def test_a_head_that_turns_with_another_face_is_told_from_a_face_that_changes_with_another_pose(sample: Driven):
    before, face, pose = (sample.coefficients[k] for k in (0, FACE_CHANGED, POSE_CHANGED))
    turning = separation([before], [turned(face, 5)], [pose], [sample], HEAD)
    assert turning.pose_degrees == pytest.approx(5, abs=1e-3) and turning.hef == 0
    changing = separation([before], [face], [replace(pose, expression=face.expression)], [sample], HEAD)
    assert changing.pose_degrees == pytest.approx(0, abs=1e-3) and changing.hef is not None and changing.hef > 0


def test_people_who_are_not_seen_in_both_pictures_are_left_out(sample: Driven):
    before, face, pose = (sample.coefficients[k] for k in (0, FACE_CHANGED, POSE_CHANGED))
    found = separation([before, before], [face, None], [pose, pose], [sample] * 2, HEAD)
    assert (found.pose_people, found.hef_people) == (1, 2)
    assert separation([None], [face], [pose], [sample], HEAD) == Separation(None, 0, (None,))


def test_the_face_is_compared_among_those_whom_both_methods_show():
    every, slow = Separation(None, 0, (0.1, 0.2, 0.4, 0.9)), Separation(None, 0, (None, 0.5, 0.6))  # asked of three people
    assert every.hef_among(slow) == pytest.approx(0.3) and slow.hef_among(every) == pytest.approx(0.55)
    assert slow.hef == pytest.approx(0.55) and slow.hef_error == pytest.approx(0.05) and slow.hef_people == 2
    assert every.hef_among(Separation(None, 0, (None,))) is None
