"""Finding faces in pictures, with the detector and the face mesh themselves."""

from __future__ import annotations

import numpy as np
import pytest

from loki_core.track.landmarks import FaceFinder
from tests.track.faces import rendered_face


@pytest.fixture(scope="module")
def finder():
    with FaceFinder() as finder:
        yield finder


@pytest.mark.parametrize("share", [1.5, 1.0, 0.9])
def test_a_face_that_fills_its_picture_is_found_where_it_is(finder, share):
    picture, _, _ = rendered_face(size=512)
    (whole,) = finder.find(picture)
    places = whole.landmarks[:, :2]
    left, top = (places.min(0) + places.max(0) - share * whole.size).astype(int) // 2
    side = round(share * whole.size)
    (cut,) = finder.find(picture[top : top + side, left : left + side])
    assert np.abs(cut.landmarks[:, :2] + [left, top] - places).mean() < 0.02 * whole.size


def test_a_picture_without_a_face_has_none(finder):
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    assert finder.find(noise) == finder.find(np.full((200, 300, 3), 127, np.uint8)) == []
