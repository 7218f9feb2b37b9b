from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.motion.clip import Motion
from loki_core.motion.gaps import bridge_gaps
from tests.motion.tracks import UNITS, random_motion, still_motion, tiny_head

SMILE = UNITS.index("mouthSmileLeft")


def moving(head: HeadModel, frames: int, lost: slice) -> Motion:
    """A steady smile and turn with a hole of rubbish in it."""
    motion = still_motion(head, frames)
    ramp = torch.arange(frames) / frames
    motion.expression[:, SMILE] = ramp
    motion.global_orient[:, 1] = ramp
    motion.translation[:, 0] = ramp
    motion.confidence[lost] = 0
    motion.expression[lost] = 9
    motion.global_orient[lost] = 2
    motion.translation[lost] = -5
    return motion


def test_short_gap_in_steady_motion_is_filled_as_if_it_were_not_there(head: HeadModel) -> None:
    bridged = bridge_gaps(moving(head, 60, slice(20, 32)))
    whole = moving(head, 60, slice(0, 0))
    torch.testing.assert_close(bridged.expression, whole.expression, atol=1e-4, rtol=0)
    torch.testing.assert_close(bridged.global_orient, whole.global_orient, atol=2e-3, rtol=0)
    torch.testing.assert_close(bridged.translation, whole.translation, atol=1e-4, rtol=0)


def test_long_gap_holds_the_head_and_rests_the_face(head: HeadModel) -> None:
    motion = moving(head, 200, slice(50, 150))
    bridged = bridge_gaps(motion)
    usual = motion.expression[motion.confidence > 0, SMILE].quantile(0.5)
    torch.testing.assert_close(bridged.expression[100, SMILE], usual, atol=0.02, rtol=0)
    torch.testing.assert_close(bridged.global_orient[100], bridged.global_orient[49])
    torch.testing.assert_close(bridged.global_orient[149], bridged.global_orient[150], atol=0.02, rtol=0)
    assert (bridged.expression[1:, SMILE] - bridged.expression[:-1, SMILE]).abs().amax() < 0.06


def test_lost_ends_take_the_nearest_pose(head: HeadModel) -> None:
    motion = moving(head, 60, slice(0, 20))
    motion.confidence[50:] = 0
    bridged = bridge_gaps(motion)
    torch.testing.assert_close(bridged.global_orient[0], motion.global_orient[20])
    torch.testing.assert_close(bridged.translation[59], motion.translation[49])


@given(st.lists(st.booleans(), min_size=1, max_size=80).filter(any))
def test_seen_frames_and_confidence_never_change_and_nothing_overshoots(seen: list[bool]) -> None:
    motion = random_motion(tiny_head(), len(seen))
    mask = torch.tensor(seen)
    motion = replace(motion, confidence=mask.float())
    bridged = bridge_gaps(motion)
    for field in ("expression", "global_orient", "jaw_pose", "eye_pose", "translation"):
        torch.testing.assert_close(getattr(bridged, field)[mask], getattr(motion, field)[mask], atol=1e-5, rtol=0)
    torch.testing.assert_close(bridged.confidence, motion.confidence)
    known = motion.expression[mask]
    assert (bridged.expression <= known.amax(0) + 1e-5).all() and (bridged.expression >= known.amin(0) - 1e-5).all()


def test_rubbish_in_lost_frames_is_never_read(head: HeadModel) -> None:
    motion = moving(head, 60, slice(20, 32))
    other = replace(motion, global_orient=motion.global_orient.clone(), expression=motion.expression.clone())
    other.global_orient[20:32] = torch.nan
    other.expression[20:32] = torch.nan
    torch.testing.assert_close(bridge_gaps(other).global_orient, bridge_gaps(motion).global_orient)
    torch.testing.assert_close(bridge_gaps(other).expression, bridge_gaps(motion).expression)


def test_clip_without_a_face_is_refused(head: HeadModel) -> None:
    with pytest.raises(InputError, match="at least one frame with a face"):
        bridge_gaps(replace(still_motion(head, 4), confidence=torch.zeros(4)))
