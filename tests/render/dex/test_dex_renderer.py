"""Frames through a tiny random network: what it is told, where it draws, what a frame depends on, cancelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.dex.pipeline import DexMotion, DexPipeline
from loki_core.dex.similarity import pose_values
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import SamplerConfig
from loki_core.errors import InputError
from loki_core.head.params import FlameParams
from loki_core.render.base import Cancelled, Portrait, SequenceRenderer
from loki_core.render.clip import ClipCode, ClipWatcher
from loki_core.render.dex.renderer import DexKnown, DexRenderer, DexSettings
from loki_core.render.dex.source import DexSource
from loki_core.render.diffused.renderer import DiffusedPrepared
from loki_core.render.frame_cache import frame_keys
from loki_core.render.warp.renderer import WarpRenderer
from tests.dex.saved import tiny_mapping
from tests.render.conftest import SIDE
from tests.render.parts import check_parts
from tests.track.faces import HEAD

QUICK = SamplerConfig(steps=2, overlap=1, guidance=Guidance(1.0))


def renderer(pipeline: DexPipeline, weights: str = "tiny", **changes) -> DexRenderer:
    source = DexSource(pipeline.network.dex, weights, lambda: pipeline, lambda: tiny_mapping(HEAD))
    return DexRenderer(HEAD, source, replace(DexSettings(QUICK, area="square"), **changes))


def told(made: DexRenderer, prepared: DiffusedPrepared[DexKnown], frames: FlameParams) -> DexMotion:
    return made.motions(prepared, frames)(0, frames.batch_shape[0])


def filmed(made: DexRenderer, portrait: Portrait, frames: FlameParams, places: Sequence[int]) -> ClipCode:
    """The warped portrait as the clip of a driver."""

    def read() -> torch.Tensor:
        warp = WarpRenderer(HEAD)
        pictures = (np.ascontiguousarray(frame[..., :3]) for frame in warp.render(warp.prepare(portrait), frames))
        return made.read_clip(pictures, frames, portrait.camera)

    return ClipCode("film", torch.tensor(places), read)


@pytest.fixture(params=["coefficients", "warp", "clip"])
def made(pipeline: DexPipeline, portrait, frames, request: pytest.FixtureRequest) -> DexRenderer:
    """For batches of nine frames."""
    plain = renderer(pipeline, told=request.param)
    return plain.watching(filmed(plain, portrait, frames, range(9)))


def test_it_draws_the_square_of_the_head_and_leaves_the_warp_around_it(made, portrait, frames):
    prepared = made.prepare(portrait)
    pictures = list(made.render(prepared, frames))
    warp = WarpRenderer(HEAD)
    warped = list(warp.render(warp.prepare(portrait), frames))
    square = prepared.square
    beside = np.ones((SIDE, SIDE), bool)
    beside[max(0, square.top) : square.top + square.side, max(0, square.left) : square.left + square.side] = False
    assert isinstance(made, SequenceRenderer) and len(pictures) == 9
    for picture, below in zip(pictures, warped, strict=True):
        assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8
        assert np.array_equal(picture[beside], below[beside]) and not np.array_equal(picture, below)


def test_a_part_is_what_it_is_in_the_whole(made, portrait, frames):
    check_parts(made, portrait, frames)


def test_the_networks_likeness_is_of_the_portrait_whatever_tells_of_motion(pipeline, portrait):
    ways = [renderer(pipeline, told=told, likeness=1.0).prepare(portrait).own for told in ("coefficients", "warp", "clip")]
    drawn = [own.image.astype(int) for own in ways if own is not None]
    assert len(drawn) == 3 and renderer(pipeline).prepare(portrait).own is None
    # the mapping leaves the portrait as its encoders see it, and a clip is not asked
    assert np.abs(drawn[0] - drawn[2]).max() <= 1
    assert np.abs(drawn[0] - portrait.image).mean() > 5


def test_motion_asked_for_in_pieces_is_that_of_the_whole(made, portrait, frames):
    prepared = made.prepare(portrait)
    whole = told(made, prepared, frames)
    for start, stop in ((0, 4), (3, 9)):
        part = made.motions(prepared, frames)(start, stop)
        torch.testing.assert_close(part.poses, whole.poses[start:stop], atol=1e-5, rtol=0)
        torch.testing.assert_close(part.expressions, whole.expressions[start:stop], atol=1e-4, rtol=0)


def test_the_portrait_as_it_is_has_the_pose_and_latent_that_the_encoders_read(pipeline, portrait):
    made = renderer(pipeline)
    prepared = made.prepare(portrait)
    own = told(made, prepared, portrait.params[None])
    torch.testing.assert_close(own.poses, prepared.known.pose, atol=1e-5, rtol=0)
    torch.testing.assert_close(own.expressions, prepared.known.latent)


def test_by_coefficients_pose_alone_leaves_the_latent_and_the_face_alone_leaves_the_pose(pipeline, portrait, frames):
    made = renderer(pipeline)
    prepared = made.prepare(portrait)
    turned = replace(frames, global_orient=frames.global_orient + 0.1, translation=frames.translation + 0.01)
    spoken = replace(frames, jaw_pose=frames.jaw_pose + 0.1, expression=frames.expression + 0.1)
    plain, turned_told, spoken_told = (told(made, prepared, each) for each in (frames, turned, spoken))
    assert torch.equal(plain.expressions, turned_told.expressions) and not torch.allclose(plain.poses, turned_told.poses)
    assert torch.equal(plain.poses, spoken_told.poses) and not torch.allclose(plain.expressions, spoken_told.expressions)


def test_told_by_the_warp_the_encoders_read_the_warped_square(pipeline, portrait, frames):
    made = renderer(pipeline, told="warp")
    prepared = made.prepare(portrait)
    seen: list[torch.Tensor] = []
    pipeline.network.motion.expression.register_forward_pre_hook(lambda module, inputs: seen.append(*inputs))
    told(made, prepared, frames[:2])
    assert seen[0].shape == (2, 3, 16, 16) and not torch.equal(seen[0][0], seen[0][1])


def test_a_clip_tells_what_its_own_pictures_say_in_the_order_of_its_places(pipeline, portrait, frames):
    plain = renderer(pipeline, told="clip")
    made = plain.watching(filmed(plain, portrait, frames[:4], [3, 0, 9]))
    rows = filmed(plain, portrait, frames[:4], [0]).read()
    assert isinstance(plain, ClipWatcher) and rows.shape == (4, 6 + 8)
    got = told(made, made.prepare(portrait), frames[:3])
    torch.testing.assert_close(got.expressions, rows[[3, 0, 3], 6:])
    torch.testing.assert_close(pose_values(got.poses), rows[[3, 0, 3], :6])
    keys = [set(frame_keys(each, "face", frames[:3])) for each in (plain, made)]
    assert not keys[0] & keys[1]


def test_a_driver_without_a_clip_is_refused_in_a_sentence_where_one_is_wanted(pipeline, portrait, frames):
    made = renderer(pipeline, told="clip")
    with pytest.raises(InputError, match="expected a driver with a clip"):
        list(made.render(made.prepare(portrait), frames))
    with pytest.raises(ValueError, match="a batch of 2 frames"):
        told(made.watching(filmed(made, portrait, frames, [0, 1])), made.prepare(portrait), frames)
    other = renderer(pipeline)
    assert other.watching(filmed(made, portrait, frames, [0])) is other


def test_eyes_and_mouth_are_hidden_from_the_pose_encoder(pipeline, portrait):
    seen: list[torch.Tensor] = []
    pipeline.network.motion.pose.register_forward_pre_hook(lambda module, inputs: seen.append(*inputs))
    renderer(pipeline).prepare(portrait)
    hidden = (seen[0] == 0).all(1).float().mean()
    assert 0.02 < hidden < 0.7


def test_keys_change_with_what_a_frame_reaches_and_with_settings_and_weights(pipeline, frames):
    made = renderer(pipeline)
    keys = frame_keys(made, "face", frames)
    changed = replace(frames, jaw_pose=frames.jaw_pose.clone())
    changed.jaw_pose[8] += 0.3
    differ = [before != after for before, after in zip(keys, frame_keys(made, "face", changed), strict=True)]
    assert differ == [8 in made.reach(index, 9) for index in range(9)]
    for other in (renderer(pipeline, told="warp"), renderer(pipeline, detail=0.5), renderer(pipeline, "others")):
        assert not set(keys) & set(frame_keys(other, "face", frames))


def test_a_transparent_portrait_gives_transparent_frames(pipeline, portrait, frames):
    alpha = np.full((SIDE, SIDE), 255, np.uint8)
    alpha[:10] = 0
    made = renderer(pipeline)
    (picture,) = made.render(made.prepare(replace(portrait, alpha=alpha)), frames[:1])
    assert picture.shape == (SIDE, SIDE, 4) and picture[:5, :, 3].max() == 0


def test_the_pose_may_come_first_and_expression_later(pipeline, portrait, frames):
    slow = replace(QUICK, steps=3)
    posed = renderer(pipeline, sampler=replace(slow, guidance=Guidance(1.0, progressive=1)))
    prepared = posed.prepare(portrait)
    (first, *_), (second, *_) = (list(r.render(prepared, frames[4:8])) for r in (posed, renderer(pipeline, sampler=slow)))
    assert not np.array_equal(first, second)


def test_progress_moves_with_every_window_and_ends_full(pipeline, portrait, frames):
    told: list[tuple[int, int]] = []
    made = renderer(pipeline)
    list(made.render(made.prepare(portrait), frames, progress=lambda *p: told.append(p)))
    assert told == sorted(told) and told[-1] == (9, 9) and len(set(told)) > 4


def test_cancelling_stops_within_a_window(pipeline, portrait, frames):
    asked = iter([False, True])
    made = renderer(pipeline)
    prepared = made.prepare(portrait)
    with pytest.raises(Cancelled):
        list(made.render(prepared, frames, cancelled=lambda: next(asked)))
    assert next(asked, None) is None
