from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, head_crop, project
from loki_core.raster.driver_map import deformation, driver_map
from loki_core.raster.lighting import soft_light, vertex_normals
from loki_core.raster.preview import PREVIEW_MODES, PreviewMode, draw_preview, heat_colours, render_preview
from loki_core.raster.rasterize import interpolate_attributes, paint_vertices, rasterize

CAMERA = Camera(focal=300, cx=64, cy=64, width=128, height=128)
SIZE = (40, 48)
GROUND = (22, 23, 25)


@pytest.fixture
def frame(tiny_head: HeadModel) -> FlameParams:
    return replace(
        tiny_head.neutral(),
        expression=torch.tensor([0.0, 1, 0.5, 1]),
        jaw_pose=torch.tensor([0.3, 0, 0]),
        global_orient=torch.tensor([0, 0.3, 0]),
        translation=torch.tensor([0, 0, -0.6]),
    )


@pytest.fixture
def crop(tiny_head: HeadModel, frame: FlameParams) -> CropBox:
    return head_crop(project(CAMERA, pose_vertices(tiny_head, frame)))


@pytest.mark.parametrize("mode", PREVIEW_MODES)
def test_every_mode_is_a_picture_of_the_head_on_a_dark_ground(
    tiny_head: HeadModel, frame: FlameParams, crop: CropBox, mode: PreviewMode
) -> None:
    picture = render_preview(tiny_head, frame, CAMERA, crop, mode=mode, size=SIZE)
    mask = driver_map(tiny_head, frame, CAMERA, crop, size=SIZE).mask.numpy()
    assert picture.shape == (*SIZE, 3) and picture.dtype == np.uint8
    assert (picture[~mask] == ((0, 0, 0) if mode == "matte" else GROUND)).all()
    assert picture[mask].std() > 5 or mode == "matte"


def test_encoding_shows_the_driver_map_s_own_channels(tiny_head: HeadModel, frame: FlameParams, crop: CropBox) -> None:
    result = driver_map(tiny_head, frame, CAMERA, crop, size=SIZE, dtype=torch.float32)
    for channels in ((0, 14, 28), (6, 13, 20), (41, 27, 7)):
        picture = render_preview(tiny_head, frame, CAMERA, crop, mode="encoding", size=SIZE, channels=channels)
        expected = (result.map[list(channels)][:, result.mask] * 127.5 + 127.5).T.numpy()
        assert np.abs(picture[result.mask.numpy()] - expected).max() <= 0.55


def test_deformation_channels_are_grey_where_nothing_moved(tiny_head: HeadModel, crop: CropBox) -> None:
    still = replace(tiny_head.neutral(), translation=torch.tensor([0, 0, -0.6]))
    picture = render_preview(tiny_head, still, CAMERA, crop, mode="encoding", size=SIZE, channels=(42, 43, 44))
    mask = driver_map(tiny_head, still, CAMERA, crop, size=SIZE).mask.numpy()
    assert np.abs(picture[mask].astype(int) - 127).max() <= 1


def test_an_unknown_channel_is_refused(tiny_head: HeadModel, frame: FlameParams, crop: CropBox) -> None:
    with pytest.raises(ValueError, match="0 to 44"):
        render_preview(tiny_head, frame, CAMERA, crop, mode="encoding", size=SIZE, channels=(0, 1, 45))


def test_heat_is_grey_at_rest_and_warm_where_the_face_moves(tiny_head: HeadModel) -> None:
    vertices = tiny_head.template
    rest = heat_colours(tiny_head, vertices, torch.zeros_like(vertices))
    assert (rest.amax(-1) - rest.amin(-1)).max() < 15
    moved = torch.zeros_like(vertices)
    moved[0] = torch.tensor([0, 1.5, 0])
    warm = heat_colours(tiny_head, vertices, moved)
    assert warm[0, 0] - warm[0, 2] > 60
    assert torch.equal(warm[1:], rest[1:])


def test_a_posed_head_draws_the_same_as_its_coefficients(tiny_head: HeadModel, frame: FlameParams, crop: CropBox) -> None:
    vertices, moved = pose_vertices(tiny_head, frame), deformation(tiny_head, frame)
    for mode in PREVIEW_MODES:
        drawn = draw_preview(tiny_head, vertices, moved, CAMERA, crop, mode=mode, size=SIZE)
        assert np.array_equal(drawn, render_preview(tiny_head, frame, CAMERA, crop, mode=mode, size=SIZE))


def test_normals_of_a_ball_point_away_from_its_middle() -> None:
    trimesh = pytest.importorskip("trimesh")
    ball = trimesh.creation.icosphere(subdivisions=2)
    vertices = torch.tensor(ball.vertices, dtype=torch.float32)
    normals = vertex_normals(vertices, torch.tensor(ball.faces))
    assert ((normals * vertices).sum(-1) > 0.99).all()
    both = vertex_normals(torch.stack([vertices, vertices * 2]), torch.tensor(ball.faces))
    torch.testing.assert_close(both, normals.expand(2, -1, -1))


def test_light_comes_from_above_and_in_front() -> None:
    up, down, back = soft_light(torch.tensor([[0.0, 0.6, 0.8], [0, -1, 0], [0, 0, -1]]))[:, 0]
    assert 0 < down <= back < up <= 1


def test_painting_is_interpolating_over_the_ground(tiny_head: HeadModel, frame: FlameParams) -> None:
    vertices = pose_vertices(tiny_head, frame)
    clip = torch.cat([vertices[:, :2] * 8, -vertices[:, 2:] - 0.6, torch.ones(len(vertices), 1)], dim=-1)
    buffers = rasterize(clip, tiny_head.faces, size=SIZE)
    colours = torch.rand(len(vertices), 3, generator=torch.Generator().manual_seed(0)) * 255
    picture = paint_vertices(buffers, tiny_head.faces, colours, torch.tensor([1, 2, 3], dtype=torch.uint8))
    expected = interpolate_attributes(buffers, tiny_head.faces, colours)[buffers.mask]
    assert (picture[buffers.mask].float() - expected).abs().max() <= 0.51
    assert (picture[~buffers.mask] == torch.tensor([1, 2, 3])).all()
