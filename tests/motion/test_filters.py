from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.head.model import HeadModel
from loki_core.head.rotation import compose, from_yaw_pitch_roll, invert, rotation_matrix
from loki_core.motion.clip import Motion
from loki_core.motion.filters import (
    SmoothSettings,
    continuous_quaternions,
    measure_jitter,
    one_euro,
    rotation_vectors,
    smooth,
)
from tests.motion.tracks import UNITS, random_motion, still_motion

METHODS = [SmoothSettings(method="savgol"), SmoothSettings(method="one_euro")]
BLINK = np.array([0.2, 0.7, 1.0, 0.85, 0.5, 0.25, 0.1])


def noisy(motion: Motion, units: float = 0.02, radians: float = 0.01, metres: float = 0.002) -> Motion:
    generator = torch.Generator().manual_seed(1)

    def shake(value: torch.Tensor, size: float) -> torch.Tensor:
        return value + torch.randn(value.shape, generator=generator) * size

    return replace(
        motion,
        expression=shake(motion.expression, units),
        global_orient=shake(motion.global_orient, radians),
        eye_pose=shake(motion.eye_pose, radians),
        translation=shake(motion.translation, metres),
    )


def slow_motion(head: HeadModel) -> Motion:
    """Smile, head turn and drift within four seconds."""
    motion = still_motion(head, 120)
    wave = torch.sin(torch.arange(120) / 120 * 2 * torch.pi)
    motion.expression[:, UNITS.index("mouthSmileLeft")] = 0.5 + 0.4 * wave
    motion.global_orient[:, 1] = 0.4 * wave
    motion.translation[:, 0] = 0.05 * wave
    return motion


def blinking_motion(head: HeadModel) -> Motion:
    motion = still_motion(head, 120)
    for start in (20, 70):
        motion.expression[start : start + 7, :2] = torch.from_numpy(BLINK).float()[:, None]
    return motion


@pytest.mark.parametrize("settings", METHODS, ids=lambda s: s.method)
def test_noise_falls_and_slow_motion_stays(head: HeadModel, settings: SmoothSettings) -> None:
    clean = slow_motion(head)
    raw = noisy(clean)
    calm = smooth(raw, head, settings)
    for field, kept in (("expression", 0.65), ("eye_pose", 0.65), ("global_orient", 0.5), ("translation", 0.5)):
        before = (getattr(raw, field) - getattr(clean, field)).square().mean().sqrt()
        after = (getattr(calm, field) - getattr(clean, field)).square().mean().sqrt()
        assert after < kept * before, field


@pytest.mark.parametrize("settings", METHODS, ids=lambda s: s.method)
def test_blinks_keep_nine_tenths_of_their_height_and_their_frame(head: HeadModel, settings: SmoothSettings) -> None:
    raw = noisy(blinking_motion(head))
    lids, kept = raw.expression[:, :2], smooth(raw, head, settings).expression[:, :2]
    for span in (slice(15, 35), slice(65, 85)):
        assert (kept[span].amax(0) >= 0.9 * lids[span].amax(0)).all()
        assert (kept[span].argmax(0) == lids[span].argmax(0)).all()
    assert kept[90:].std() < 0.7 * lids[90:].std(), "noise away from blinks is still smoothed"


def test_blinks_that_a_tracker_saw_half_are_kept_too(head: HeadModel) -> None:
    full = blinking_motion(head)
    raw = noisy(replace(full, expression=full.expression * 0.3), units=0.004)
    kept = smooth(raw, head, SmoothSettings())
    assert (kept.expression[15:35, :2].amax(0) >= 0.9 * raw.expression[15:35, :2].amax(0)).all()


@pytest.mark.parametrize("settings", METHODS, ids=lambda s: s.method)
def test_unprotected_blinks_lose_height(head: HeadModel, settings: SmoothSettings) -> None:
    raw = blinking_motion(head)
    kept = smooth(raw, head, replace(settings, protect_blinks=False))
    assert kept.expression[:, 0].amax() < 0.9


@pytest.mark.parametrize("settings", METHODS, ids=lambda s: s.method)
def test_filter_has_no_lag(head: HeadModel, settings: SmoothSettings) -> None:
    motion = still_motion(head, 61)
    motion.expression[:, 6] = torch.exp(-(((torch.arange(61) - 30) / 8.0) ** 2))
    assert smooth(motion, head, settings).expression[:, 6].argmax() == 30


@pytest.mark.parametrize("settings", METHODS, ids=lambda s: s.method)
def test_turn_through_the_back_does_not_jump(head: HeadModel, settings: SmoothSettings) -> None:
    motion = still_motion(head, 90)
    degrees = torch.linspace(100, 260, 90)
    motion.global_orient[:] = from_yaw_pitch_roll(torch.stack([degrees, torch.zeros(90), torch.zeros(90)], -1))
    calm = smooth(motion, head, settings).global_orient
    assert compose(invert(calm[:-1]), calm[1:]).norm(dim=-1).amax() < np.radians(4)
    assert compose(invert(motion.global_orient), calm).norm(dim=-1).amax() < np.radians(8)


@pytest.mark.parametrize("settings", METHODS, ids=lambda s: s.method)
@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_short_clips_pass(head: HeadModel, settings: SmoothSettings, frames: int) -> None:
    motion = random_motion(head, frames)
    assert smooth(motion, head, settings).expression.shape == motion.expression.shape


@pytest.mark.parametrize("settings", METHODS, ids=lambda s: s.method)
def test_still_face_stays_exactly_where_it_is(head: HeadModel, settings: SmoothSettings) -> None:
    motion = still_motion(head, 40)
    calm = smooth(motion, head, settings)
    for field in ("expression", "global_orient", "translation"):
        torch.testing.assert_close(getattr(calm, field), getattr(motion, field), atol=1e-6, rtol=0)


def test_one_euro_equals_its_definition() -> None:
    """Casiez et al. 2012, algorithm 1, word for word, on one channel."""
    values = np.random.default_rng(0).normal(size=50).cumsum()
    rate, min_cutoff, beta = 25.0, 1.2, 0.4

    def alpha(cutoff: float) -> float:
        return 1 / (1 + (1 / (2 * np.pi * cutoff)) * rate)

    expected, speed = [values[0]], 0.0
    for previous, value in pairwise(values):
        speed = alpha(1.0) * (value - previous) * rate + (1 - alpha(1.0)) * speed
        a = alpha(min_cutoff + beta * abs(speed))
        expected.append(a * value + (1 - a) * expected[-1])
    result = one_euro(values[:, None], rate, min_cutoff=min_cutoff, beta=beta)
    np.testing.assert_allclose(result[:, 0], expected)


@given(st.integers(0, 1000))
def test_quaternions_come_back_and_do_not_flip(seed: int) -> None:
    vectors = torch.randn(30, 2, 3, generator=torch.Generator().manual_seed(seed)).cumsum(0) * 0.3
    quaternions = continuous_quaternions(vectors)
    assert ((quaternions[1:] * quaternions[:-1]).sum(-1) >= 0).all()
    back = rotation_vectors(3 * quaternions, vectors)
    torch.testing.assert_close(rotation_matrix(back), rotation_matrix(vectors), atol=1e-5, rtol=0)


def test_jitter_is_seen_where_it_is_and_not_in_blinks(head: HeadModel) -> None:
    motion = blinking_motion(head)
    motion.global_orient[100, 1] = 0.02
    motion.translation[40, 0] = 0.004
    motion.expression[50, 6] = 0.3
    jitter = measure_jitter(motion, head)
    assert jitter.rotation.argmax() == 100 and 0.5 < jitter.rotation[100] < np.degrees(0.02)
    assert jitter.translation.argmax() == 40 and jitter.expression.argmax() == 50
    assert jitter.expression[20:27].amax() < 0.01
