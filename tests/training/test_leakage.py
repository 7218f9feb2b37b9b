"""Who drives can be read from a map that is drawn on their own head, and only there."""

from __future__ import annotations

import pytest

from loki_core.head.embedded import embedded_head
from loki_core.training.leakage import measure_leakage


def test_a_drivers_own_head_gives_them_away_and_the_portraits_does_not():
    found = measure_leakage(embedded_head(), drivers=6, poses=8, size=32)
    assert found.chance == pytest.approx(1 / 6)
    assert found.own_nearest > 0.4 and found.own_linear > 0.4
    assert found.portrait_nearest < 0.4 and found.portrait_linear < 0.4
    assert found.own_linear > found.portrait_linear + 0.2


def test_measuring_again_gives_the_same():
    assert measure_leakage(embedded_head(), drivers=2, poses=2, size=16) == measure_leakage(
        embedded_head(), drivers=2, poses=2, size=16
    )


@pytest.mark.parametrize(("drivers", "poses"), [(1, 4), (3, 3)])
def test_poses_must_make_two_halves(drivers: int, poses: int):
    with pytest.raises(ValueError, match="even number"):
        measure_leakage(embedded_head(), drivers=drivers, poses=poses)
