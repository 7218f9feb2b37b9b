"""Performances through a tiny random LIA-X."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.units import unit_basis
from loki_core.lia_x.animate import LiaX, stretch_contrast
from loki_core.lia_x.generator import Generator, LiaXConfig
from loki_core.render.base import Cancelled, Portrait, SequenceRenderer
from loki_core.render.clip import ClipCode
from loki_core.render.frame_cache import frame_keys
from loki_core.render.lia_x.renderer import Drive, LiaXPrepared, LiaXRenderer, LiaXSettings
from loki_core.track.coloured import random_look, render_coloured
from tests.track.faces import HEAD, rendered_face, true_landmarks

SIZE, TINY = 96, LiaXConfig(scale=1 / 64, motion_dim=5, size=32)


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    _, params, camera = rendered_face(size=SIZE)
    picture = render_coloured(HEAD, params, camera, random_look(np.random.default_rng(3)))
    whole = np.ones((SIZE, SIZE), np.float32)
    return Portrait(picture, None, whole, params, camera, true_landmarks(params, camera), np.zeros((len(HEAD.template), 3)))


def renderer(settings: LiaXSettings | None = None, *, chunk: int = 2) -> LiaXRenderer:
    torch.manual_seed(0)
    return LiaXRenderer(HEAD, LiaX(Generator(TINY), chunk=chunk), settings)


@pytest.fixture(scope="module")
def prepared(portrait: Portrait) -> LiaXPrepared:
    return renderer().prepare(portrait)


@pytest.fixture(scope="module")
def frames(portrait):
    yaw = torch.tensor([0.0, 8.0, 16.0, 24.0, 12.0])
    return apply_controls(HEAD, unit_basis(HEAD, HEAD), portrait.params, {"headYaw": yaw, "jawOpen": yaw / 30})


def differ(one, other) -> int:
    return max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(one, other, strict=True))


def test_it_is_a_renderer_at_the_portraits_size(prepared, frames):
    made = renderer()
    told = []
    pictures = list(made.render(prepared, frames, progress=lambda done, total: told.append((done, total))))
    assert isinstance(made, SequenceRenderer) and {picture.shape for picture in pictures} == {(SIZE, SIZE, 3)}
    assert told == [(n, 5) for n in range(1, 6)]


def still(value: float = 0.0) -> torch.Tensor:
    return torch.full((5, 5), value)


def test_a_part_is_that_of_the_whole_in_chunks_of_any_size(prepared, frames):
    drive = Drive(torch.linspace(0, 0.4, 25).reshape(5, 5))
    for settings in (LiaXSettings(), LiaXSettings(motion="absolute", stretch=True)):
        whole = list(renderer(settings, chunk=4).driven(drive).render(prepared, frames))
        part = list(renderer(settings).driven(drive).render_part(prepared, frames, range(1, 4)))
        assert differ(whole[1:4], part) <= 2


def test_relative_motion_begins_at_the_edited_portrait(prepared, frames):
    edited = renderer().drawn(prepared.code, still(0.3)[:1])
    first = next(renderer()._squares(prepared, frames, Drive(still(0.3)), range(5), None))
    assert differ([first], edited) <= 1


def test_absolute_motion_has_no_first_frame(prepared, frames):
    drives = Drive(still(), frames[0]), Drive(still(), frames[3])
    for settings, alike in ((LiaXSettings(motion="absolute"), True), (LiaXSettings(), False)):
        made = [list(renderer(settings).driven(drive).render(prepared, frames)) for drive in drives]
        assert (differ(*made) == 0) == alike


def test_edits_show(prepared, frames):
    plain, edited = (list(renderer().driven(Drive(still(value))).render(prepared, frames)) for value in (0.0, 1.0))
    assert all(differ([one], [other]) > 0 for one, other in zip(plain, edited, strict=True))


def test_the_clips_own_pictures_may_drive(prepared, portrait, frames):
    look = random_look(np.random.default_rng(5))
    pictures = [render_coloured(HEAD, frames[i], portrait.camera, look) for i in range(5)]
    alpha = renderer().read_clip(pictures, frames, portrait.camera)
    assert alpha.shape == (5, 5) and not torch.equal(alpha[0], alpha[3])

    def driven(*places: int) -> list[np.ndarray]:
        clip = ClipCode("clip", torch.tensor(places), lambda: alpha)
        return list(renderer(LiaXSettings(drive="clip")).driven(Drive(still(), clip=clip)).render(prepared, frames))

    forwards, by_warp = driven(0, 1, 2, 3, 4), list(renderer().render(prepared, frames))
    assert differ(forwards[:1], by_warp[:1]) <= 1 and differ(forwards, by_warp) > 0
    assert differ(driven(4, 3, 2, 1, 0), forwards[::-1]) <= 1


def test_to_be_driven_by_a_clip_needs_one(prepared, frames):
    with pytest.raises(InputError, match="choose to be driven by the edited performance"):
        next(renderer(LiaXSettings(drive="clip")).render(prepared, frames))


def test_a_batch_of_another_length_than_its_drive_is_refused(prepared, frames):
    with pytest.raises(ValueError, match="expected a batch of 5 frames, as they are driven, got 2"):
        next(renderer().driven(Drive(still())).render(prepared, frames[:2]))


def test_keys_of_frames_tell_all_that_they_depend_on(frames):
    def keys(made: LiaXRenderer, batch=frames) -> list[str]:
        return frame_keys(made, "portrait", batch)

    kept, other = Drive(still(), frames[0]), Drive(still(0.1), frames[0])
    assert keys(renderer().driven(kept)) == keys(renderer().driven(Drive(still(), frames[0])))
    assert not set(keys(renderer().driven(kept))) & set(keys(renderer().driven(other)))
    assert not set(keys(renderer())) & set(keys(renderer(LiaXSettings(motion="absolute"))))
    assert keys(renderer())[:3] == keys(renderer(), frames[:3])
    stretched = renderer(LiaXSettings(stretch=True))
    assert not set(keys(stretched)) & set(keys(stretched, frames[:3]))


def test_a_clip_without_pictures_is_refused(portrait, frames):
    with pytest.raises(ValueError, match="at least one picture"):
        renderer().read_clip([], frames, portrait.camera)


def test_stretching_spans_the_whole_clip(prepared, frames):
    squares = np.stack(list(renderer()._squares(prepared, frames, Drive(still()), range(5), None)))
    stretched = renderer(LiaXSettings(stretch=True))
    expected = [stretched._laid_back(prepared, frames[0], square) for square in stretch_contrast(squares)]
    assert differ(stretched.render(prepared, frames), expected) == 0


def test_cancelling_stops_before_the_next_chunk(prepared, frames):
    seen: list[np.ndarray] = []
    pictures = renderer(chunk=2).render(prepared, frames, cancelled=lambda: len(seen) >= 2)
    seen += [next(pictures), next(pictures)]
    with pytest.raises(Cancelled):
        next(pictures)


def test_no_frames_give_no_pictures(prepared, frames):
    assert list(renderer().render(prepared, frames[:0])) == []


def test_a_transparent_portrait_stays_transparent(portrait, frames):
    alpha = np.zeros((SIZE, SIZE), np.uint8)
    alpha[20:80, 20:80] = 255
    made = renderer()
    pictures = list(made.render(made.prepare(replace(portrait, alpha=alpha)), frames[:2]))
    assert {picture.shape for picture in pictures} == {(SIZE, SIZE, 4)}
    assert not pictures[0][0, :, 3].any() and pictures[0][50, 50, 3] == 255
