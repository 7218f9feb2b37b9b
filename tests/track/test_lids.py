"""Reading shut lids off the landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from loki_core.head.embedded import embedded_head
from loki_core.track.lids import close_lids, lid_closure, lid_gaps
from loki_core.track.solver import Frames

OPEN = np.array([0.3, 0.3])


def eyes(gap: float) -> np.ndarray:
    """Landmarks (1, 478, 2) of eyes 30 pixels wide whose lids are `gap` eye widths apart."""
    points = np.zeros((1, 478, 2))
    for upper, lower, (a, b) in (((386, 385, 387), (374, 380, 373), (362, 263)), ((159, 158, 160), (145, 153, 144), (33, 133))):
        points[:, lower, 1] = 30 * gap
        points[:, upper, 1] = 0
        points[:, a, 0], points[:, b, 0] = 0, 30
    return points


def test_gap_does_not_depend_on_size_and_place() -> None:
    np.testing.assert_allclose(lid_gaps(eyes(0.25)), [[0.25, 0.25]])
    np.testing.assert_allclose(lid_gaps(eyes(0.25) * 7 + 100), [[0.25, 0.25]])


@pytest.mark.parametrize(("gap", "closure"), [(0.4, 0.0), (0.3, 0.0), (0.06, 1.0), (0.0, 1.0)])
def test_open_lids_are_at_0_and_shut_ones_at_1(gap: float, closure: float) -> None:
    np.testing.assert_allclose(lid_closure(np.full((1, 2), gap), OPEN), closure)


def test_closure_rises_as_the_gap_falls() -> None:
    gaps = np.linspace(0.35, 0.0, 50)[:, None].repeat(2, 1)
    assert (np.diff(lid_closure(gaps, OPEN), axis=0) >= 0).all()


def test_lids_are_closed_further_but_never_opened() -> None:
    head = embedded_head()
    left, right = (head.expression_names.index(f"eyeBlink{side}") for side in ("Left", "Right"))
    units = np.zeros((1, head.expression_count))
    units[0, right] = 0.7
    frames = Frames(np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, 3, 3)), units)
    closed = close_lids(frames, head, np.array([[0.9, 0.2]])).units[0]
    assert closed[left] == 0.9 and closed[right] == 0.7
    assert np.count_nonzero(closed) == 2
