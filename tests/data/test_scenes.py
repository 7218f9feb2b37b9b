"""Cuts are found, motion and light are not taken for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.data.scenes import find_scenes


def scene(seed: int, count: int, *, speed: int = 1) -> list[np.ndarray]:
    """A smooth picture that moves sideways."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :400] / 48
    waves = [np.sin(x * rng.uniform(1, 4) + y * rng.uniform(-3, 3) + rng.uniform(0, 6)) for _ in range(3)]
    wide = (np.stack(waves, -1) * 60 + rng.uniform(70, 180, 3)).clip(0, 255).astype(np.uint8)
    return [wide[:, t * speed : t * speed + 64] for t in range(count)]


@given(st.lists(st.integers(4, 9), min_size=1, max_size=4))
def test_scenes_together_are_the_whole_clip(lengths: list[int]):
    frames = [frame for index, count in enumerate(lengths) for frame in scene(index, count)]
    scenes = find_scenes(frames)
    assert [t for each in scenes for t in each] == list(range(len(frames)))


def test_cuts_are_where_pictures_change_at_once():
    dark, bright = (np.full((32, 32, 3), level, np.uint8) for level in (20, 200))
    clip = [dark] * 5 + [bright] * 7 + [dark] * 4
    assert find_scenes(clip) == (range(5), range(5, 12), range(12, 16))
    assert len(find_scenes(scene(1, 12) + scene(5, 12))) == 2


@pytest.mark.parametrize("frames", [scene(2, 20, speed=8), [np.full((32, 32, 3), 10 * t, np.uint8) for t in range(25)]])
def test_motion_and_slow_light_are_no_cuts(frames: list[np.ndarray]):
    assert len(find_scenes(frames)) == 1


def test_grey_pictures_have_no_hue_to_change():
    first, second = np.full((8, 8, 3), 100, np.uint8), np.full((8, 8, 3), 100, np.uint8)
    first[..., 0], second[..., 2] = 101, 101
    assert find_scenes([first, second] * 3) == (range(6),)


def test_one_frame_is_one_scene():
    assert find_scenes([np.zeros((8, 8, 3), np.uint8)]) == (range(1),)
