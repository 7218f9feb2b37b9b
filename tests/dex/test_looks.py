"""What the encoders are shown of a picture."""

from __future__ import annotations

import torch

from loki_core.dex.configs import dex_preset
from loki_core.dex.looks import crop_faces, hide_features

CONFIG = dex_preset("mini").motion.expression
FACING = torch.tensor([[0.0, 0.0, 0.0, 0.1, -0.2, -1.0]])
"""A head of usual size that looks into the camera."""


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_face_stays_where_it_is_in_its_crop_wherever_it_is_in_the_picture():
    here, there = picture(), picture().roll((3, -5), (2, 3))
    moved = FACING + torch.tensor([0.0, 0.0, 0.0, -5 / 32, 3 / 32, 0.0])
    crops = crop_faces(CONFIG, here, FACING), crop_faces(CONFIG, there, moved)
    torch.testing.assert_close(crops[0], crops[1], atol=1e-4, rtol=0)


def test_the_crop_grows_with_the_head():
    line = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    near, far = (crop_faces(CONFIG, line, FACING + torch.tensor([0, 0, 0, 0, 0, size])) for size in (0.3, 0.0))
    spans = [(crop[..., -1] - crop[..., 0]).mean() for crop in (near, far)]
    torch.testing.assert_close(spans[0] / spans[1], torch.tensor(0.3).exp(), atol=0.02, rtol=0)


def test_a_nodding_face_moves_its_middle_up_in_the_picture():
    line = torch.linspace(-1, 1, 64)[:, None].expand(1, 3, 64, 64)
    nodding = FACING.clone()
    nodding[:, 0] = 0.8
    straight, bowed = (crop_faces(CONFIG, line, place).mean() for place in (FACING, nodding))
    assert bowed < straight - 0.02


def test_beyond_the_picture_a_crop_is_grey():
    outside = FACING + torch.tensor([0.0, 0.0, 0.0, 4.0, 0.0, 0.0])
    assert not crop_faces(CONFIG, picture(), outside).any()


def test_features_are_hidden_with_a_margin_and_the_rest_is_left():
    focus = torch.zeros(1, 64, 64)
    focus[:, 30:34, 20:24] = 0.5
    seen = hide_features(picture(), focus)
    assert not seen[:, :, 26:38, 16:28].any()
    seen[:, :, 26:38, 16:28] = picture()[:, :, 26:38, 16:28]
    assert torch.equal(seen, picture())
