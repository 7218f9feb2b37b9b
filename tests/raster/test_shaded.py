from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from loki_core.head.model import PART_NAMES, HeadModel, pose_vertices
from loki_core.raster.camera import Camera, image_clip, project
from loki_core.raster.shaded import GROUND, Shader, opengl_shader, part_colours, render_shaded

CAMERA = Camera(focal=160, cx=40, cy=28, width=72, height=60)


@pytest.fixture
def vertices(tiny_head: HeadModel) -> Tensor:
    return pose_vertices(tiny_head, replace(tiny_head.neutral(), translation=torch.tensor([0.02, 0, -0.6])))


@pytest.fixture
def shader() -> Iterator[Shader]:
    try:
        opened = opengl_shader(CAMERA)
        draw = opened.__enter__()
    except RuntimeError as error:
        pytest.skip(f"no OpenGL here: {error}")
    yield draw
    opened.__exit__(None, None, None)


def test_the_image_clip_space_is_the_camera_s_projection(vertices: Tensor) -> None:
    clip = image_clip(CAMERA, vertices)
    ndc = clip[:, :3] / clip[:, 3:]
    pixels = torch.stack([(ndc[:, 0] + 1) * CAMERA.width / 2, (1 - ndc[:, 1]) * CAMERA.height / 2], dim=-1)
    torch.testing.assert_close(pixels, project(CAMERA, vertices), atol=1e-3, rtol=0)
    nearest, farthest = (-vertices[:, 2]).argmin(), (-vertices[:, 2]).argmax()
    assert ndc[nearest, 2] == pytest.approx(-1, abs=1e-4) and ndc[farthest, 2] == pytest.approx(1, abs=1e-4)


def test_points_behind_the_camera_have_no_positive_w() -> None:
    assert image_clip(CAMERA, torch.tensor([[0.0, 0, 0.2], [0, 0, -1]]))[0, 3] <= 0


def test_parts_have_their_own_colours(tiny_head: HeadModel) -> None:
    colours = part_colours(tiny_head)
    eye, skin = (colours[tiny_head.faces[tiny_head.face_part == PART_NAMES.index(part)][0, 0]] for part in ("eye_left", "skin"))
    assert (eye > 200).all() and not torch.equal(eye, skin)
    assert (colours.int().sum(-1) > 0).all()


def test_the_head_is_lit_on_a_dark_ground(tiny_head: HeadModel, vertices: Tensor) -> None:
    white = torch.full((len(vertices), 3), 255, dtype=torch.uint8)
    picture = render_shaded(vertices, tiny_head.faces, white, CAMERA)
    assert picture.shape == (60, 72, 3) and (picture[0, 0] == GROUND).all()
    lit = (picture != GROUND).any(-1)
    grey = picture[lit].astype(int)
    assert np.ptp(grey, axis=1).max() == 0 and grey.max() > 180 and grey.std() > 10
    rows = np.arange(60)[:, None].repeat(72, 1)[lit]
    assert grey[rows < np.median(rows)].mean() > grey[rows > np.median(rows)].mean()


def test_colours_are_those_of_the_vertices(tiny_head: HeadModel, vertices: Tensor) -> None:
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).expand(len(vertices), 3)
    picture = render_shaded(vertices, tiny_head.faces, red, CAMERA, ground=(0, 0, 0))
    assert picture[..., 0].max() > 180 and picture[..., 1:].max() == 0


def test_opengl_draws_the_same_outline(tiny_head: HeadModel, vertices: Tensor, shader: Shader) -> None:
    white = torch.full((len(vertices), 3), 255, dtype=torch.uint8)
    ours = (render_shaded(vertices, tiny_head.faces, white, CAMERA) != GROUND).any(-1)
    theirs = (shader(vertices, tiny_head.faces, white).astype(int) - np.array(GROUND)).max(-1) > 12
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.93
