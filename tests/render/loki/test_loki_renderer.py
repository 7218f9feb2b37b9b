"""Frames through a tiny random network: where it draws, what a frame depends on, settings, progress, cancelling."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.errors import InputError
from loki_core.motion.apart import without_expression
from loki_core.raster.driver_map import driver_map
from loki_core.render.base import Cancelled, SequenceRenderer
from loki_core.render.diffused.picture import box_of, keep_likeness, lay_over, soft_cover, to_network
from loki_core.render.diffused.renderer import DiffusedSettings
from loki_core.render.diffused.source import NetworkSource
from loki_core.render.frame_cache import FrameCache, frame_keys, render_missing
from loki_core.render.lia_x.square import Square, cut
from loki_core.render.loki.renderer import LokiRenderer
from loki_core.render.warp.renderer import WarpRenderer
from tests.render.conftest import SIDE
from tests.render.parts import check_parts
from tests.track.faces import HEAD

QUICK = SamplerConfig(steps=2, overlap=1, guidance=Guidance(1.0))


def source(pipeline: LokiPipeline, weights: str) -> NetworkSource[LokiPipeline]:
    return NetworkSource(pipeline.network.loki, weights, lambda: pipeline)


def renderer(pipeline: LokiPipeline, **changes) -> LokiRenderer:
    settings = replace(DiffusedSettings(QUICK, area="square"), **changes)
    return LokiRenderer(HEAD, source(pipeline, "tiny"), settings)


@pytest.fixture
def made(pipeline):
    return renderer(pipeline)


def test_it_draws_the_square_of_the_head_and_leaves_the_warp_around_it(made, portrait, frames):
    prepared = made.prepare(portrait)
    pictures = list(made.render(prepared, frames))
    warp = WarpRenderer(HEAD)
    warped = list(warp.render(warp.prepare(portrait), frames))
    square = prepared.square
    beside = np.ones((SIDE, SIDE), bool)
    beside[max(0, square.top) : square.top + square.side, max(0, square.left) : square.left + square.side] = False
    assert isinstance(made, SequenceRenderer) and len(pictures) == 9 and 0.1 < beside.mean() < 0.9
    for picture, below in zip(pictures, warped, strict=True):
        assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8
        assert np.array_equal(picture[beside], below[beside])
        assert np.abs(picture[~beside].astype(int) - below[~beside]).mean() > 10


def test_the_network_is_told_the_driver_map_of_its_square(made, pipeline, portrait, frames):
    prepared = made.prepare(portrait)
    given: list[torch.Tensor] = []
    pipeline.network.encoder.register_forward_pre_hook(lambda module, inputs: given.append(*inputs))
    list(made.render(prepared, frames[:4]))
    expected = driver_map(HEAD, frames[:4], portrait.camera, box_of(prepared.square), size=(16, 16)).map.float()
    assert torch.equal(given[0], expected)


def test_a_transparent_portrait_gives_transparent_frames(made, portrait, frames):
    alpha = np.full((SIDE, SIDE), 255, np.uint8)
    alpha[:10] = 0
    (picture,) = made.render(made.prepare(replace(portrait, alpha=alpha)), frames[:1])
    assert picture.shape == (SIDE, SIDE, 4) and picture[:5, :, 3].max() == 0


def test_a_part_is_what_it_is_in_the_whole(pipeline, portrait, frames):
    for made in (renderer(pipeline), renderer(pipeline, likeness=1.0)):
        check_parts(made, portrait, frames)


def test_in_the_portraits_own_pose_likeness_leads_back_to_the_portrait(pipeline, portrait):
    own, apart = portrait.params[None], []
    for likeness in (0.0, 1.0):
        made = renderer(pipeline, likeness=likeness, detail=1.0, area="head")
        (picture,) = made.render(made.prepare(portrait), own)
        apart.append(np.abs(picture.astype(int) - portrait.image).mean())
    assert apart[1] < 0.4 * apart[0]  # not 0: the random network draws noise, which the warp's resampling dulls


def test_a_drawing_is_put_right_only_where_the_network_drew_what_the_warp_moved():
    torch.manual_seed(0)
    portrait, own = torch.rand(2, 3, 16, 16) * 0.4
    drawn = own.clone()
    drawn[:, :, 8:] += 1.5
    right = keep_likeness(drawn, portrait, own, 1.0)
    torch.testing.assert_close(right[:, :, :5], portrait[:, :, :5], atol=1e-3, rtol=0)
    torch.testing.assert_close(right[:, :, 11:], drawn[:, :, 11:], atol=1e-3, rtol=0)
    assert torch.equal(keep_likeness(drawn, portrait, own, 0.0), drawn)


def test_a_frame_depends_on_what_it_reaches_and_on_nothing_else(made, portrait, frames):
    prepared, changed = made.prepare(portrait), replace(frames, jaw_pose=frames.jaw_pose.clone())
    changed.jaw_pose[8] += 0.3
    before, after = list(made.render(prepared, frames)), list(made.render(prepared, changed))
    for index in range(9):
        same = np.array_equal(before[index], after[index])
        assert same or 8 in made.reach(index, 9)
    assert not np.array_equal(before[8], after[8]) and made.reach(0, 9) == range(4)


def test_keys_change_with_what_a_frame_reaches_and_with_settings_and_weights(made, pipeline, frames):
    keys = frame_keys(made, "face", frames)
    changed = replace(frames, jaw_pose=frames.jaw_pose.clone())
    changed.jaw_pose[8] += 0.3
    differ = [before != after for before, after in zip(keys, frame_keys(made, "face", changed), strict=True)]
    assert differ == [8 in made.reach(index, 9) for index in range(9)]
    for other in (renderer(pipeline, detail=0.5), renderer(pipeline, sampler=replace(QUICK, seed=1))):
        assert not set(keys) & set(frame_keys(other, "face", frames))
    other = LokiRenderer(HEAD, source(pipeline, "others"), DiffusedSettings(QUICK))
    assert not set(keys) & set(frame_keys(other, "face", frames))


def test_a_stopped_render_goes_on_and_is_the_same_as_one_that_was_not(made, portrait, frames, tmp_path):
    prepared, keys = made.prepare(portrait), frame_keys(made, "face", frames)
    whole = list(made.render(prepared, frames))
    cache = FrameCache(tmp_path, 10**7)
    stopped = render_missing(made, lambda: prepared, frames, keys, cache)
    assert len(list(islice(stopped, 5))) == 5
    told = []
    again = list(render_missing(made, lambda: prepared, frames, keys, cache, progress=lambda *p: told.append(p)))
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(whole, again, strict=True)) <= 1
    assert told == sorted(told) and told[-1] == (9, 9)


def test_the_pose_may_come_first_and_expression_later(made, pipeline, portrait, frames):
    slow = replace(QUICK, steps=3)
    posed = renderer(pipeline, sampler=replace(slow, guidance=Guidance(1.0, progressive=1)))
    plain = renderer(pipeline, sampler=slow)
    prepared = made.prepare(portrait)
    given: list[torch.Tensor] = []
    pipeline.network.encoder.register_forward_pre_hook(lambda module, inputs: given.append(*inputs))
    (first, *_), (second, *_) = (list(r.render(prepared, frames[4:8])) for r in (posed, plain))
    assert not np.array_equal(first, second)
    bare = driver_map(HEAD, without_expression(frames[4:8]), portrait.camera, box_of(prepared.square), size=(16, 16)).map.float()
    assert torch.equal(given[0], bare) and not torch.equal(given[1], bare)


def test_progress_moves_with_every_window_and_ends_full(made, portrait, frames):
    told = []
    list(made.render(made.prepare(portrait), frames, progress=lambda *p: told.append(p)))
    assert told == sorted(told) and told[-1] == (9, 9) and len(set(told)) > 4


def test_too_little_memory_on_the_gpu_is_said_in_a_sentence(made, pipeline, portrait, frames):
    prepared = made.prepare(portrait)

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    pipeline.network.generation.register_forward_pre_hook(full)
    with pytest.raises(InputError, match="draw fewer frames at once"):
        list(made.render(prepared, frames))


def test_cancelling_stops_within_a_window(made, portrait, frames):
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        list(made.render(made.prepare(portrait), frames, cancelled=lambda: next(asked)))
    assert next(asked, None) is None


def test_a_square_goes_to_the_network_and_comes_back():
    noise = np.random.default_rng(0)
    image = cv2.GaussianBlur(noise.integers(0, 256, (80, 90, 3), dtype=np.uint8), (0, 0), 6)
    square = Square(10, 5, 64)
    seen = to_network(image, square, 64)
    assert seen.shape == (3, 64, 64) and seen.abs().max() <= 1
    assert np.abs(lay_over(image, square, seen, 0.0).astype(int) - image).max() <= 1


def test_the_network_may_draw_the_head_alone(made, pipeline, portrait, frames):
    prepared = made.prepare(portrait)
    head = renderer(pipeline, area="head")
    warp = WarpRenderer(HEAD)
    (below,), (whole,), (alone,) = (
        [picture.astype(int) for picture in pictures]
        for pictures in (
            warp.render(prepared.portrait, frames[:1]), made.render(prepared, frames[:1]), head.render(prepared, frames[:1])
        )
    )  # fmt: skip
    square = prepared.square
    corner, middle = (square.top + 6, square.left + 6), (square.top + square.side // 2, square.left + square.side // 2)
    assert np.array_equal(alone[corner], below[corner]) and np.abs(whole[corner] - below[corner]).max() > 0
    assert np.abs(alone[middle] - whole[middle]).max() <= 1


def test_a_cover_is_whole_on_the_head_and_fades_beyond_it():
    head = torch.zeros(64, 64, dtype=torch.bool)
    head[20:40, 24:44] = True
    cover = soft_cover(head)
    assert cover[head.numpy()].min() > 0.9 and cover[:10].max() == 0 and 0.2 < cover[17, 34] <= 1


def test_with_all_detail_a_network_that_draws_the_warp_changes_nothing():
    image = np.random.default_rng(1).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    square = Square(-6, 5, 64)
    seen = to_network(image, square, 16)
    plain, detailed = (lay_over(image, square, seen, detail).astype(int) for detail in (0.0, 1.0))
    assert np.abs(detailed - image).max() <= 1 < np.abs(plain - image).max()


def test_detail_keeps_what_the_network_says_of_the_whole():
    image = np.random.default_rng(2).integers(60, 190, (80, 90, 3), dtype=np.uint8)
    square = Square(8, 8, 64)
    drawn = to_network(image, square, 16) * 0.5 + 0.3
    laid = lay_over(image, square, drawn, 1.0)
    inner = np.s_[20:-20, 20:-20]
    expected = cv2.resize(((drawn.permute(1, 2, 0).numpy() + 1) * 127.5), (64, 64), interpolation=cv2.INTER_CUBIC)
    assert cut(laid, square)[inner].mean() == pytest.approx(expected[inner].mean(), abs=2)
