from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch

from loki_core.head.model import HeadModel
from loki_core.motion.clean import Cleaning, PartFilter, clean_motion
from loki_core.motion.clip import Motion
from loki_core.motion.filters import SmoothSettings, smooth
from tests.motion.test_filters import blinking_motion
from tests.motion.test_jitter import lively
from tests.motion.tracks import UNITS, random_motion, still_motion

SMOOTH = PartFilter("savgol", 0.5)
HEAD_FIELDS = {"global_orient", "neck_pose", "translation"}
FACE_FIELDS = {"expression", "jaw_pose"}


def changed(before: Motion, after: Motion) -> set[str]:
    """Fields that differ."""
    return {
        f.name
        for f in fields(before)
        if isinstance(getattr(before, f.name), torch.Tensor) and not torch.equal(getattr(before, f.name), getattr(after, f.name))
    }


def test_the_default_changes_no_bit(head: HeadModel) -> None:
    motion = random_motion(head, 40)
    assert clean_motion(motion, head, Cleaning(), neutral=0) is motion


@pytest.mark.parametrize(
    ("cleaning", "expected"),
    [
        (Cleaning(head=SMOOTH), HEAD_FIELDS),
        (Cleaning(expression=SMOOTH), FACE_FIELDS),
        (Cleaning(gaze=replace(SMOOTH, method="one_euro")), {"eye_pose"}),
    ],
)
def test_each_part_is_smoothed_by_itself(head: HeadModel, cleaning: Cleaning, expected: set[str]) -> None:
    motion = random_motion(head, 60)
    assert changed(motion, clean_motion(motion, head, cleaning, neutral=0)) == expected


def test_all_parts_together_are_the_smoothing_of_the_whole(head: HeadModel) -> None:
    motion = random_motion(head, 60)
    whole = smooth(motion, head, SmoothSettings(head_window=0.5, face_window=0.5))
    assert changed(whole, clean_motion(motion, head, Cleaning(SMOOTH, SMOOTH, SMOOTH), neutral=0)) == set()


def test_longer_windows_are_calmer(head: HeadModel) -> None:
    motion = random_motion(head, 90)

    def unrest(window: float) -> float:
        cleaned = clean_motion(motion, head, Cleaning(head=PartFilter("savgol", window)), neutral=0)
        return float(cleaned.translation.diff(dim=0).norm())

    assert unrest(1.2) < unrest(0.6) < unrest(0.2) < float(motion.translation.diff(dim=0).norm())


def test_blinks_stay_shut_unless_protection_is_off(head: HeadModel) -> None:
    motion = blinking_motion(head)
    kept = clean_motion(motion, head, Cleaning(expression=SMOOTH), neutral=0)
    blurred = clean_motion(motion, head, Cleaning(expression=SMOOTH, protect_blinks=False), neutral=0)
    torch.testing.assert_close(kept.expression[:, :2].amax(0), motion.expression[:, :2].amax(0))
    assert (blurred.expression[:, :2].amax(0) < 0.9 * motion.expression[:, :2].amax(0)).all()


def test_mending_puts_an_outlier_back_among_its_neighbours(head: HeadModel) -> None:
    motion, clean = lively(head), lively(head)
    motion.global_orient[20, 1] += 0.2
    mended = clean_motion(motion, head, Cleaning(mend_outliers=True), neutral=0)
    torch.testing.assert_close(mended.global_orient, clean.global_orient, atol=0.01, rtol=0)
    assert changed(clean, clean_motion(clean, head, Cleaning(mend_outliers=True), neutral=0)) == set()


@pytest.mark.parametrize("lost", ["hold", "interpolate", "neutral"])
def test_lost_frames_are_filled_as_asked(head: HeadModel, lost: str) -> None:
    motion = still_motion(head, 120)
    smile = UNITS.index("mouthSmileLeft")
    motion.expression[:, smile] = torch.linspace(0, 1, 120)
    motion.global_orient[:, 1] = torch.linspace(0, 1, 120)
    motion.confidence[40:80] = 0
    motion.expression[40:80] = 9
    filled = clean_motion(motion, head, Cleaning(lost=lost), neutral=0)  # type: ignore[arg-type]
    middle = {"hold": 39 / 119, "interpolate": 60 / 119, "neutral": 0.0}[lost]
    assert filled.expression[60, smile] == pytest.approx(middle, abs=0.01)
    assert filled.global_orient[60, 1] == pytest.approx(middle, abs=0.01)
    assert filled.expression[80:].equal(motion.expression[80:]) and filled.confidence.equal(motion.confidence)
    assert filled.expression[:, smile].diff().abs().max() < 0.1


@pytest.mark.parametrize("window", [0.0, 0.05, 2.0, float("nan")])
def test_windows_without_use_are_refused(window: float) -> None:
    with pytest.raises(ValueError, match="expected a window"):
        PartFilter("savgol", window)
