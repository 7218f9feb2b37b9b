"""Poses as numbers: all of the pose, nothing of the person."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.data.vectors import motion_vectors, vector_length
from loki_core.raster.camera import Camera, CropBox

CAMERA, CROP = Camera(800.0, 256.0, 256.0, 512, 512), CropBox(300.0, 240.0, 100.0)


def test_a_vector_says_where_in_the_crop_the_head_is(tiny_head):
    params = replace(tiny_head.neutral((2,)), translation=torch.tensor([[0.0, 0.0, -1.0], [0.05, 0.02, -0.8]]))
    vectors = motion_vectors(params, CAMERA, CROP)
    assert vectors.shape == (2, vector_length(tiny_head.expression_count)) and vectors.dtype == torch.float32
    assert vectors[0, -3:].tolist() == pytest.approx([-0.44, 0.16, 0.8])
    assert vectors[1, -3:].tolist() == pytest.approx([(256 + 50 - 300) / 100, (256 - 20 - 240) / 100, 1.0])


def test_the_shape_of_the_head_is_not_told(tiny_head):
    params = replace(tiny_head.neutral((1,)), translation=torch.tensor([[0.0, 0.0, -1.0]]))
    other = replace(params, betas=torch.ones_like(params.betas))
    assert torch.equal(motion_vectors(params, CAMERA, CROP), motion_vectors(other, CAMERA, CROP))


@pytest.mark.parametrize("field", ["expression", "global_orient", "neck_pose", "jaw_pose", "eye_pose", "translation"])
def test_every_part_of_the_pose_is_told(tiny_head, field):
    params = replace(tiny_head.neutral((1,)), translation=torch.tensor([[0.0, 0.0, -1.0]]))
    moved = replace(params, **{field: getattr(params, field) + 0.1})
    assert not torch.equal(motion_vectors(params, CAMERA, CROP), motion_vectors(moved, CAMERA, CROP))
