"""Figures over many pictures, beside their definitions written out."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.training.scores import direction_cosines, frame_change, head_colours, head_psnr, head_ssim, retrieved

NOISE = torch.Generator().manual_seed(1)


def pictures(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 16, 16), generator=NOISE, dtype=torch.uint8)


MASKS = torch.zeros(4, 16, 16, dtype=torch.bool)
MASKS[:, 4:12, 4:12] = True


def test_psnr_is_that_of_the_squared_error_within_the_mask():
    made, truth = pictures(4), pictures(4)
    errors = [(m.double() - t.double())[:, mask].square().mean() for m, t, mask in zip(made, truth, MASKS, strict=True)]
    expected = sum(10 * math.log10(255**2 / float(error)) for error in errors) / 4
    assert head_psnr(made, truth, MASKS) == pytest.approx(expected, abs=1e-3)


def test_what_lies_outside_the_mask_does_not_count():
    truth = pictures(4)
    made = torch.where(MASKS[:, None], truth, 255 - truth)
    assert head_psnr(made, truth, MASKS) == math.inf
    assert head_ssim(truth, truth, MASKS) == pytest.approx(1)
    assert head_ssim(made, truth, MASKS) < 1


@given(st.floats(0.1, 1))
def test_the_cosine_does_not_depend_on_how_far_a_movement_goes(share: float):
    start, end = pictures(2).float() * 0.5, pictures(2).float()
    truth = torch.stack([start, end], 1)
    made = torch.stack([start, start + share * (end - start)], 1)
    cosines = direction_cosines(made.round().to(torch.uint8), truth.round().to(torch.uint8))
    assert torch.allclose(cosines, torch.ones(2), atol=0.02)


def test_a_picture_that_does_not_change_has_no_direction():
    still = pictures(2)[:, None].expand(-1, 2, -1, -1, -1)
    moving = torch.stack([pictures(2), pictures(2)], 1)
    assert torch.equal(direction_cosines(still, moving), torch.zeros(2))


def test_heads_are_found_by_their_colours():
    bases = torch.arange(6)[:, None, None, None] * 40
    portraits = (bases + torch.zeros(6, 3, 16, 16)).to(torch.uint8)
    masks = MASKS[:1].expand(6, -1, -1)
    colours, darker = head_colours(portraits, masks), head_colours(portraits // 2 + portraits // 3, masks)
    assert retrieved(colours, colours, 3) == 1
    assert retrieved(colours + 3, colours, 6) == 1
    assert retrieved(colours.flip(0), colours, 6) == 0
    assert torch.equal(colours[:, 3:], torch.zeros(6, 3)) and darker.shape == (6, 6)


def test_a_group_that_is_too_short_is_left_out():
    rows = torch.eye(5)
    wrong = torch.cat([rows[:4], -rows[4:]])
    assert retrieved(wrong, rows, 2) == 1
    with pytest.raises(ValueError, match="at least 6"):
        retrieved(rows, rows, 6)


def test_change_is_counted_between_neighbours():
    clip = torch.zeros(3, 3, 2, 2, dtype=torch.uint8)
    clip[1] = 10
    assert frame_change(clip) == 10
