from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loki_core.timeline.bake import bake
from loki_core.timeline.curves import sample

VALUES = arrays(np.float64, st.integers(1, 60), elements=st.floats(-30, 30))


@given(VALUES, st.floats(0, 2), st.integers(0, 100))
def test_every_frame_is_within_the_tolerance(values: np.ndarray, tolerance: float, first: int):
    curve = bake(values, tolerance, first=first)
    frames = np.arange(first, first + len(values), dtype=np.float64)
    assert np.abs(sample(curve, frames) - values).max() <= tolerance + 1e-9


def test_straight_lines_need_no_more_than_their_ends():
    assert [key.frame for key in bake(np.linspace(0, 1, 50), 1e-6).keys] == [0, 49]
    assert [key.frame for key in bake(np.abs(np.arange(-10.0, 11)), 1e-6, first=5).keys] == [5, 15, 25]
    assert len(bake(np.zeros(1), 0.1).keys) == 1
