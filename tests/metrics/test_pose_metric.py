from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.head.rotation import from_yaw_pitch_roll
from loki_core.metrics.pose import hpf
from loki_core.motion.clip import Motion
from tests.motion.tracks import random_motion, still_motion


def turning(head: HeadModel, frames: int, degrees_a_frame: float) -> Motion:
    motion = still_motion(head, frames)
    yaw = torch.arange(frames) * degrees_a_frame
    motion.global_orient[:] = from_yaw_pitch_roll(torch.stack([yaw, torch.zeros(frames), torch.zeros(frames)], -1))
    return motion


def test_motion_has_no_distance_from_itself(tiny_head: HeadModel) -> None:
    motion = random_motion(tiny_head, 20)
    assert hpf(motion, motion) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("frames", [None, 16, 3])
def test_still_head_against_a_steady_turn_is_half_the_last_angle(tiny_head: HeadModel, frames: int | None) -> None:
    """Angles 0, 2, 4 ... 2 (n - 1) have the mean n - 1."""
    value = hpf(still_motion(tiny_head, 21), turning(tiny_head, 21, 2.0), frames=frames)
    assert value == pytest.approx((frames or 21) - 1, abs=1e-3)


def test_constant_offset_in_the_world_does_not_count(tiny_head: HeadModel) -> None:
    motion = turning(tiny_head, 10, 1.5)
    tilted = replace(motion, global_orient=motion.global_orient + torch.tensor([0.0, 0.3, 0.0]))
    assert hpf(tilted, motion) == pytest.approx(0, abs=1e-3)


def test_turn_of_the_neck_counts_as_a_turn_of_the_head(tiny_head: HeadModel) -> None:
    whole = turning(tiny_head, 10, 1.0)
    by_neck = replace(whole, global_orient=whole.neck_pose, neck_pose=whole.global_orient)
    assert hpf(by_neck, whole) == pytest.approx(0, abs=1e-3)


def test_equals_the_papers_formula_on_quaternions(tiny_head: HeadModel) -> None:
    pred, target = random_motion(tiny_head, 12, 1), random_motion(tiny_head, 12, 2)
    turns = []
    for motion in (pred, target):
        head = Rotation.from_rotvec(motion.global_orient.numpy()) * Rotation.from_rotvec(motion.neck_pose.numpy())
        turns.append((head * head[0].inv()).as_quat())
    angles = 2 * np.arccos(np.clip(np.abs((turns[0] * turns[1]).sum(-1)), 0, 1))
    seen = ((pred.confidence > 0) & (target.confidence > 0)).numpy()
    assert seen.all()
    assert hpf(pred, target) == pytest.approx(np.degrees(angles).mean(), abs=1e-3)


def test_lost_frames_are_left_out(tiny_head: HeadModel) -> None:
    still, turn = still_motion(tiny_head, 5), turning(tiny_head, 5, 2.0)
    turn.confidence[4] = 0
    assert hpf(still, turn) == pytest.approx((0 + 2 + 4 + 6) / 4, abs=1e-3)


def test_motions_of_other_lengths_or_without_a_face_are_refused(tiny_head: HeadModel) -> None:
    with pytest.raises(InputError, match="got 3 and 4 frames"):
        hpf(still_motion(tiny_head, 3), still_motion(tiny_head, 4))
    with pytest.raises(InputError, match="both clips show a face"):
        hpf(still_motion(tiny_head, 3), replace(still_motion(tiny_head, 3), confidence=torch.zeros(3)))
