from __future__ import annotations

import numpy as np
import pytest

from loki_core.media.panel import compose_panel
from tests.media.clips import quadrants


def test_frames_stand_in_a_row_at_one_height():
    panel = compose_panel([quadrants(64, 96), quadrants(128, 64)], gap=6)
    assert panel.shape == (128, 192 + 6 + 64, 3) and panel.dtype == np.uint8
    np.testing.assert_array_equal(panel[:, 198:], quadrants(128, 64))
    assert np.abs(panel[8, 8].astype(int) - quadrants()[8, 8]).max() <= 2
    assert len(np.unique(panel[:, 192:198])) == 1


def test_captions_add_a_strip_below():
    plain = compose_panel([quadrants()], height=200)
    told = compose_panel([quadrants()], height=200, captions=["driver"])
    np.testing.assert_array_equal(told[:200], plain)
    assert told.shape[0] > 200 and told[200:].max() > 128
    blank = compose_panel([quadrants()], height=200, captions=[""])
    assert blank[200:].max() < 64


def test_wrong_counts_are_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        compose_panel([])
    with pytest.raises(ValueError, match="2 captions"):
        compose_panel([quadrants()] * 2, captions=["one"])
