"""A cache of frames beside plain rendering."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from loki_core.head.embedded import embedded_head
from loki_core.head.params import FlameParams
from loki_core.render.base import Cancelled, Progress
from loki_core.render.frame_cache import FrameCache, frame_keys, render_missing

HEAD = embedded_head()


class Painter:
    """A renderer whose pictures are the coefficients themselves."""

    name = "painter"
    signature = ""

    def __init__(self) -> None:
        self.prepared, self.painted = 0, 0

    def prepare(self, portrait: object) -> int:
        self.prepared += 1
        return 7

    def render(
        self,
        prepared: int,
        frames: FlameParams,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[np.ndarray]:
        for jaw in frames.jaw_pose[:, 0]:
            self.painted += 1
            yield np.full((4, 6, 4), int(jaw * 100) + prepared, np.uint8)


@pytest.fixture
def frames() -> FlameParams:
    return replace(HEAD.neutral((12,)), jaw_pose=torch.linspace(0, 1, 12)[:, None].expand(12, 3).contiguous())


def rendered(painter: Painter, frames: FlameParams, cache: FrameCache, **options: object) -> list[np.ndarray]:
    keys = frame_keys(painter, "face", frames)
    return list(render_missing(painter, lambda: painter.prepare(None), frames, keys, cache, **options))  # type: ignore[arg-type]


def test_a_second_time_nothing_is_rendered_and_every_pixel_is_the_same(frames: FlameParams, tmp_path: Path):
    painter, cache = Painter(), FrameCache(tmp_path / "frames", 10**6)
    first = rendered(painter, frames, cache)
    again = Painter()
    assert np.array_equal(first, rendered(again, frames, cache))
    assert np.array_equal(first, list(painter.render(7, frames)))
    assert (again.prepared, again.painted) == (0, 0)


def test_only_what_changed_is_rendered_again(frames: FlameParams, tmp_path: Path):
    cache = FrameCache(tmp_path, 10**6)
    rendered(Painter(), frames, cache)
    frames.jaw_pose[4:6] += 0.3
    painter = Painter()
    assert np.array_equal(rendered(painter, frames, cache), list(Painter().render(7, frames)))
    assert painter.painted == 2


def test_stopped_work_goes_on_where_it_was(frames: FlameParams, tmp_path: Path):
    cache, seen = FrameCache(tmp_path, 10**6), []
    with pytest.raises(Cancelled):
        for _ in render_missing(
            painter := Painter(), lambda: 7, frames, frame_keys(painter, "face", frames), cache,
            progress=lambda done, total: seen.append(done), cancelled=lambda: len(seen) == 5,
        ):  # fmt: skip
            pass
    painter = Painter()
    assert len(rendered(painter, frames, cache)) == 12 and painter.painted == 7


def test_a_damaged_frame_is_rendered_anew(frames: FlameParams, tmp_path: Path):
    painter, cache = Painter(), FrameCache(tmp_path, 10**6)
    first = rendered(painter, frames, cache)
    for file, data in zip(sorted(tmp_path.glob("*.png")), (b"", b"no picture"), strict=False):
        file.write_bytes(data)
    assert np.array_equal(first, rendered(again := Painter(), frames, cache)) and again.painted == 2


def test_keys_tell_portraits_and_coefficients_apart_and_nothing_else(frames: FlameParams):
    painter = Painter()
    keys = frame_keys(painter, "face", frames)
    assert len(set(keys)) == 12 and keys == frame_keys(painter, "face", frames)
    assert keys[3:] == frame_keys(painter, "face", frames[3:])
    assert not set(keys) & set(frame_keys(painter, "other", frames))


def test_the_oldest_go_when_there_are_too_many_bytes(tmp_path: Path):
    cache = FrameCache(tmp_path, 0)
    cache.put("a", np.zeros((4, 4, 3), np.uint8))
    cache.trim()
    assert "a" not in cache
    for name, age in (("a", 5), ("b", 9)):
        cache.put(name, np.zeros((4, 4, 3), np.uint8))
        os.utime(tmp_path / f"{name}.png", (1000 - age, 1000 - age))
    FrameCache(tmp_path, (tmp_path / "a.png").stat().st_size).trim()
    assert "a" in cache and "b" not in cache


class Smoother(Painter):
    """A renderer whose picture is the mean over its own frame and its neighbours."""

    name = "smoother"

    def reach(self, index: int, total: int) -> range:
        return range(max(0, index - 1), min(total, index + 2))

    def render_part(
        self,
        prepared: int,
        frames: FlameParams,
        part: range,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[np.ndarray]:
        for done, index in enumerate(part):
            reach = self.reach(index, frames.batch_shape[0])
            self.painted += 1
            if progress is not None:
                progress(2 * done + 1, 2 * len(part))
            yield np.full((4, 6, 4), int(frames.jaw_pose[reach.start : reach.stop, 0].mean() * 100) + prepared, np.uint8)


def test_where_frames_depend_on_neighbours_those_around_a_change_are_made_again_too(frames: FlameParams, tmp_path: Path):
    cache = FrameCache(tmp_path, 10**6)
    rendered(Smoother(), frames, cache)
    frames.jaw_pose[4:6] += 0.3
    smoother = Smoother()
    assert np.array_equal(rendered(smoother, frames, cache), list(Smoother().render_part(7, frames, range(12))))
    assert smoother.painted == 4


def test_progress_counts_steps_of_a_frame_and_never_goes_back(frames: FlameParams, tmp_path: Path):
    seen: list[int] = []
    rendered(Smoother(), frames, FrameCache(tmp_path, 10**6), progress=lambda done, total: seen.append(done))
    assert seen == list(range(1, 13))


def test_settings_and_weights_are_in_the_keys(frames: FlameParams):
    other = Painter()
    other.signature = "steps=30|weights 12ab"
    assert not set(frame_keys(other, "face", frames)) & set(frame_keys(Painter(), "face", frames))
