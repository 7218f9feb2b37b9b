"""What a network sees of a picture, and how its result comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.render.lia_x.square import Square, cut, lay_back

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
SQUARES = st.builds(Square, st.integers(-15, 40), st.integers(-15, 30), st.integers(16, 50))


@given(SQUARES)
def test_what_is_cut_and_laid_back_is_the_picture(square):
    assert np.abs(lay_back(PICTURE, square, cut(PICTURE, square)).astype(int) - PICTURE).max() <= 1


@given(SQUARES)
def test_a_result_changes_nothing_outside_its_square(square):
    laid = lay_back(PICTURE, square, np.zeros((24, 24, 3), np.uint8))
    outside = np.ones(PICTURE.shape[:2], bool)
    outside[max(0, square.top) : square.top + square.side, max(0, square.left) : square.left + square.side] = False
    assert (laid[outside] == PICTURE[outside]).all()


def test_a_result_reaches_the_border_of_a_picture_that_ends_within_its_square():
    assert not lay_back(PICTURE, Square(-5, -15, 70), np.zeros((24, 24, 3), np.uint8)).any()


def test_beyond_the_picture_its_border_goes_on():
    piece = cut(PICTURE, Square(-3, 0, 16))
    assert (piece[:, :4] == PICTURE[:16, :1]).all() and (piece[:, 3:] == PICTURE[:16, :13]).all()


def test_a_square_beside_the_picture_is_refused():
    with pytest.raises(ValueError, match="meets the picture of 60x40"):
        cut(PICTURE, Square(70, 0, 10))
