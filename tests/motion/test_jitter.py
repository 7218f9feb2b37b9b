from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.head.model import HeadModel
from loki_core.motion.clip import Motion
from loki_core.motion.jitter import measure_changes
from tests.motion.tracks import UNITS, still_motion, tiny_head

SMILE, BROW = UNITS.index("mouthSmileLeft"), UNITS.index("browInnerUp")


def lively(head: HeadModel, frames: int = 90) -> Motion:
    """A nod a second, a smile that comes and goes, a blink, and a tremble of a tenth of a degree."""
    motion = still_motion(head, frames)
    time = torch.arange(frames) / 30
    noise = torch.randn(frames, 3, generator=torch.Generator().manual_seed(0))
    motion.global_orient[:] = noise * math.radians(0.1)
    motion.global_orient[:, 0] += 0.2 * torch.sin(2 * math.pi * time)
    motion.expression[:, SMILE] = 0.4 + 0.3 * torch.sin(3 * time)
    motion.expression[40:44, :2] = 1.0
    return motion


def test_change_is_the_angle_and_the_spread_between_neighbours(head: HeadModel) -> None:
    motion = still_motion(head, 3)
    motion.neck_pose[1:, 1] = math.radians(2)
    motion.global_orient[2, 1] = math.radians(3)
    motion.expression[2, BROW] = 0.5
    changes = measure_changes(motion, head)
    torch.testing.assert_close(changes.head, torch.tensor([0.0, 2.0, 3.0]), atol=1e-4, rtol=0)
    counted = len(UNITS) - 2  # without the lids
    torch.testing.assert_close(changes.expression, torch.tensor([0.0, 0.0, 0.5 / counted**0.5]))


def test_gestures_and_blinks_are_no_outliers(head: HeadModel) -> None:
    assert not measure_changes(lively(head), head).outliers.any()


def test_a_frame_that_jumps_is_an_outlier_and_so_are_two_side_by_side(head: HeadModel) -> None:
    motion = lively(head)
    motion.global_orient[20, 1] += math.radians(8)
    motion.expression[60:62, BROW] += 0.7
    motion.translation[75, 0] += 0.03
    assert measure_changes(motion, head).outliers.nonzero().ravel().tolist() == [20, 60, 61, 75]


def test_frames_without_a_face_neither_count_nor_stick_out(head: HeadModel) -> None:
    motion = lively(head)
    motion.confidence[30:40] = 0
    motion.global_orient[30:40] = 2.0
    motion.expression[30:40] = 9.0
    changes = measure_changes(motion, head)
    assert not changes.outliers.any()
    assert (changes.head[30:41] == 0).all() and (changes.expression[30:41] == 0).all()


@given(st.integers(1, 8), st.integers(0, 255))
def test_clips_of_any_length_and_holes_can_be_measured(frames: int, holes: int) -> None:
    head = tiny_head()
    motion = still_motion(head, frames)
    motion.confidence[:] = torch.tensor([float(holes >> bit & 1) for bit in range(frames)])
    changes = measure_changes(motion, head)
    assert changes.head.shape == changes.expression.shape == changes.outliers.shape == (frames,)
    assert not changes.outliers.any()


@pytest.mark.parametrize("turn", [0.0, 3.0, -3.1])
def test_the_way_a_head_faces_makes_no_outliers(head: HeadModel, turn: float) -> None:
    motion = lively(head)
    motion.neck_pose[:, 1] = turn
    assert not measure_changes(motion, head).outliers.any()
