from __future__ import annotations

import numpy as np
import torch

from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, project
from loki_core.render.base import Portrait
from loki_core.render.resize import shrink_portrait

POINT = torch.tensor([0.05, 0.03, -0.8])


def portrait(height: int = 90, width: int = 120) -> Portrait:
    rng = np.random.default_rng(0)
    return Portrait(
        image=rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        alpha=rng.integers(0, 256, (height, width), dtype=np.uint8),
        matte=rng.random((height, width)),
        params=FlameParams.neutral(3, 4),
        camera=Camera(200.0, 61.0, 44.0, width, height),
        landmarks=rng.random((478, 2)) * 90,
        offsets=np.zeros((186, 3)),
    )


def test_a_point_of_the_head_lies_on_the_same_place_of_the_smaller_picture():
    full = portrait()
    small = shrink_portrait(full, 0.5)
    assert (small.camera.width, small.camera.height) == (60, 45) == small.image.shape[1::-1]
    assert torch.allclose(project(small.camera, POINT) * 2, project(full.camera, POINT))
    assert np.allclose(small.landmarks * 2, full.landmarks)


def test_odd_sizes_shift_a_point_by_less_than_half_a_pixel():
    full = portrait(91, 127)
    small = shrink_portrait(full, 0.37)
    assert torch.allclose(project(small.camera, POINT), project(full.camera, POINT) * 0.37, atol=0.5)


def test_colours_keep_their_mean():
    small = shrink_portrait(portrait(), 0.5)
    assert abs(small.image.mean() - portrait().image.mean()) < 1
    assert small.alpha is not None and small.alpha.shape == small.matte.shape == (45, 60)


def test_a_portrait_is_never_enlarged():
    full = portrait()
    assert shrink_portrait(full, 2.0) is full
