"""Reconstruct, edit and animate with a tiny random network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from loki_core.lia_x.animate import LiaX, stretch_contrast
from loki_core.lia_x.directions import DIRECTIONS
from loki_core.lia_x.generator import Generator, LiaXConfig

TINY = LiaXConfig(scale=1 / 64, motion_dim=5, size=32)


@pytest.fixture
def animator() -> LiaX:
    torch.manual_seed(0)
    return LiaX(Generator(TINY), chunk=3)


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (8, 40, 50, 3), dtype=np.uint8)


def test_chunks_give_what_single_frames_give(animator: LiaX, frames: np.ndarray) -> None:
    source = animator.encode(frames[0])
    whole = list(animator.animate(source, frames[1:], {0: 0.2}))
    single = list(LiaX(animator.generator, chunk=1).animate(source, frames[1:], {0: 0.2}))
    assert len(whole) == 7 and whole[0].shape == (32, 32, 3)
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(whole, single, strict=True)) <= 1


def test_relative_motion_starts_at_the_edited_portrait(animator: LiaX, frames: np.ndarray) -> None:
    source, edits = animator.encode(frames[0]), {1: 0.3, 4: -0.1}
    first = next(animator.animate(source, frames[3:], edits))
    assert np.abs(first.astype(int) - animator.edit(source, edits)).max() <= 1


def test_aligned_relative_motion_is_absolute_motion(animator: LiaX, frames: np.ndarray) -> None:
    source = animator.encode(frames[0])
    relative = list(animator.animate(source, frames[2:], animator.align(source, frames[2])))
    absolute = list(animator.animate(source, frames[2:], {}, relative=False))
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(relative, absolute, strict=True)) <= 1


def test_driver_frames_are_read_no_further_than_needed(animator: LiaX, frames: np.ndarray) -> None:
    read = 0

    def stream() -> Iterator[np.ndarray]:
        nonlocal read
        for frame in frames:
            read += 1
            yield frame

    next(animator.animate(animator.encode(frames[0]), stream(), {}))
    assert read == 3


def test_empty_driver_gives_no_frames(animator: LiaX, frames: np.ndarray) -> None:
    assert list(animator.animate(animator.encode(frames[0]), [], {})) == []


def test_half_precision_decoder_stays_near(frames: np.ndarray) -> None:
    torch.manual_seed(0)
    full = LiaX(Generator(TINY))
    torch.manual_seed(0)
    half = LiaX(Generator(TINY), decoder_dtype=torch.bfloat16)
    a, b = (animator.edit(animator.encode(frames[0]), {2: 0.4}).astype(int) for animator in (full, half))
    assert np.abs(a - b).mean() < 4


def test_unknown_direction_is_refused(animator: LiaX, frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected directions from 0 to 4, got 9"):
        animator.edit(animator.encode(frames[0]), {9: 0.1})


def test_stretch_reaches_both_ends(frames: np.ndarray) -> None:
    stretched = stretch_contrast(frames // 2 + 40)
    assert stretched.min() == 0 and stretched.max() == 255


def test_named_directions_are_those_of_the_released_app() -> None:
    assert [d.index for d in DIRECTIONS] == [37, 39, 28, 15, 33, 31, 6, 25, 16, 19, 13, 24, 17, 26]
