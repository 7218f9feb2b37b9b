from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.raster.rasterize import interpolate_attributes, rasterize
from tests.raster.oracle import assert_raster_close, rasterize_slowly, silhouette

SIZE = (18, 24)
coordinates = st.integers(-40, 40).map(lambda n: n / 24)  # pixel centres and corners among them


def clip_of(points: list[tuple[float, float, float]]) -> Tensor:
    return torch.tensor([[x, y, z, 1.0] for x, y, z in points])


def covered(points: list[tuple[float, float, float]], size: tuple[int, int] = SIZE, cull: bool = True) -> Tensor:
    return rasterize(clip_of(points), torch.tensor([[0, 1, 2]]), size=size, cull=cull).mask


def ball(head: HeadModel, turn: float) -> Tensor:
    """The tiny head in clip space, in perspective."""
    c, s = np.cos(turn), np.sin(turn)
    points = head.template @ torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]], dtype=torch.float32).T
    w = 0.35 - points[:, 2]
    return torch.stack([3 * points[:, 0], 3 * points[:, 1], (w - 0.35) * 4 * w, w], dim=-1)


def test_a_triangle_covers_the_pixels_whose_centres_it_holds() -> None:
    mask = covered([(-1, 1, 0), (-1, -1, 0), (1, 1, 0)], size=(4, 4))
    assert mask.int().tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_row_0_is_the_top_and_the_depth_is_that_of_the_surface() -> None:
    buffers = rasterize(clip_of([(-1, 1, -0.5), (-1, 0, 0.5), (1, 1, -0.5)]), torch.tensor([[0, 1, 2]]), size=(4, 4))
    assert buffers.mask[0].any() and not buffers.mask[3].any()
    assert buffers.depth[0, 0] == pytest.approx(-0.25)
    assert torch.isinf(buffers.depth[3]).all()
    assert (buffers.barycentrics[3] == 0).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=4, max_size=4))
def test_triangles_that_share_an_edge_cover_each_pixel_once(corners: list[tuple[float, float]]) -> None:
    points = [(x, y, 0.0) for x, y in corners]
    a, b, c, d = (np.array(p[:2]) for p in points)
    along = b - a
    beside_c, beside_d = (along[0] * (p - a)[1] - along[1] * (p - a)[0] for p in (c, d))
    if beside_c * beside_d >= 0:
        return  # the third corners lie on one side: the triangles overlap
    first = covered([points[0], points[1], points[2]], cull=False)
    second = covered([points[0], points[1], points[3]], cull=False)
    assert not (first & second).any()
    whole = rasterize(clip_of(points), torch.tensor([[0, 1, 2], [0, 1, 3]]), size=SIZE, cull=False)
    assert torch.equal(whole.mask, first | second)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_a_fan_around_a_point_leaves_no_hole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rim = [(2.0, 2.0), (-2.0, 2.0), (-2.0, -2.0), (2.0, -2.0)]
    middle = tuple(rng.integers(-24, 24, 2) / 24)
    points = [(*p, 0.0) for p in (*rim, middle)]
    buffers = rasterize(clip_of(points), torch.tensor([[i, (i + 1) % 4, 4] for i in range(4)]), size=SIZE)
    assert buffers.mask.all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_random_triangles_agree_with_the_oracle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers((-600, -400), (2200, 1600), (12, 2)) / 64  # whole steps, so that both sides snap them alike
    w = rng.choice([0.5, 1.0, 2.0, 0.0, -1.0], (12, 1), p=[0.3, 0.3, 0.3, 0.05, 0.05])
    ndc = np.concatenate([pixels[:, :1] / 12 - 1, 1 - pixels[:, 1:] / 9, rng.uniform(-1, 1, (12, 1))], axis=1)
    clip = np.concatenate([ndc * w, w], axis=1).astype(np.float32)
    faces = rng.integers(0, 12, (8, 3))
    cull = bool(rng.integers(2))
    fast = rasterize(torch.from_numpy(clip), torch.from_numpy(faces), size=SIZE, cull=cull)
    oracle = rasterize_slowly(clip, faces, size=SIZE, cull=cull)
    assert_raster_close(fast, oracle, edge=silhouette(oracle))


@pytest.mark.parametrize("turn", [0.0, 0.7, np.pi])
def test_a_head_in_perspective_agrees_with_the_oracle(tiny_head: HeadModel, turn: float) -> None:
    clip = ball(tiny_head, turn)
    fast = rasterize(clip, tiny_head.faces, size=(20, 16))
    oracle = rasterize_slowly(clip.numpy(), tiny_head.faces.numpy(), size=(20, 16))
    assert fast.mask.float().mean() > 0.4
    assert_raster_close(fast, oracle, edge=torch.zeros(20, 16, dtype=torch.bool))


def test_barycentrics_are_perspective_correct() -> None:
    far_right = torch.tensor([[-1.0, -1, 0, 1], [3.0, -3, 0, 3], [-1.0, 1, 0, 1]])  # x/w runs from -1 to 1, w from 1 to 3
    buffers = rasterize(far_right, torch.tensor([[0, 1, 2]]), size=(64, 64))
    weights = buffers.barycentrics[buffers.mask]
    columns = buffers.mask.nonzero()[:, 1]
    screen_x = (columns + 0.5) / 32 - 1
    homogeneous = weights @ far_right
    torch.testing.assert_close(homogeneous[:, 0] / homogeneous[:, 3], screen_x, atol=1e-4, rtol=0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(len(weights)))


def test_back_faces_are_culled_unless_asked_for() -> None:
    away = [(-1.0, 1.0, 0.0), (1.0, 1.0, 0.0), (-1.0, -1.0, 0.0)]
    assert not covered(away).any()
    assert torch.equal(covered(away, cull=False), covered([away[0], away[2], away[1]]))


def test_the_nearer_triangle_wins_and_at_equal_depth_the_lower_index() -> None:
    corners = [(-1.0, 1.0), (-1.0, -1.0), (1.0, 1.0)]
    points = [(x, y, z) for z in (0.2, -0.3, -0.3) for x, y in corners]
    buffers = rasterize(clip_of(points), torch.arange(9).reshape(3, 3), size=SIZE)
    assert set(buffers.face_index.unique().tolist()) == {-1, 1}


def test_negative_and_positive_depths_order_rightly() -> None:
    corners = [(-1.0, 1.0), (-1.0, -1.0), (1.0, 1.0)]
    for depths in ((-0.9, -0.1), (-0.1, 0.1), (0.1, 0.9)):
        points = [(x, y, z) for z in reversed(depths) for x, y in corners]
        buffers = rasterize(clip_of(points), torch.arange(6).reshape(2, 3), size=SIZE)
        assert buffers.face_index.max() == 1 and 0 not in buffers.face_index


def test_a_triangle_that_holds_the_whole_frame_covers_it() -> None:
    assert covered([(-9.0, 9.0, 0.0), (-9.0, -9.0, 0.0), (9.0, 0.0, 0.0)]).all()


def test_a_triangle_outside_the_frame_covers_nothing() -> None:
    assert not covered([(2.0, 1.0, 0.0), (2.0, -1.0, 0.0), (4.0, 1.0, 0.0)]).any()


def test_edge_on_and_pointlike_triangles_cover_nothing() -> None:
    assert not covered([(-1.0, 0.0, 0.0), (0.0, 0.0, 0.5), (1.0, 0.0, 0.0)], cull=False).any()
    assert not covered([(0.0, 0.0, 0.0)] * 3, cull=False).any()


def test_a_triangle_with_a_corner_behind_the_camera_is_dropped_whole() -> None:
    clip = clip_of([(-1, 1, 0), (-1, -1, 0), (1, 1, 0)])
    clip[1, 3] = 0
    assert not rasterize(clip, torch.tensor([[0, 1, 2]]), size=SIZE, cull=False).mask.any()


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_a_batch_is_its_items(tiny_head: HeadModel, batch: tuple[int, ...]) -> None:
    count = int(np.prod(batch))
    items = torch.stack([ball(tiny_head, 0.4 * i) for i in range(count)])
    together = rasterize(items.reshape(*batch, -1, 4), tiny_head.faces, size=SIZE)
    assert together.face_index.shape == (*batch, *SIZE)
    for i, clip in enumerate(items):
        alone = rasterize(clip, tiny_head.faces, size=SIZE)
        for field in ("face_index", "barycentrics", "depth"):
            value = getattr(together, field)
            assert torch.equal(value.reshape(count, *value.shape[len(batch) :])[i], getattr(alone, field))


def test_an_empty_mesh_is_all_background() -> None:
    buffers = rasterize(torch.zeros(0, 4), torch.zeros(0, 3, dtype=torch.int64), size=SIZE)
    assert (buffers.face_index == -1).all()


def test_nan_is_refused() -> None:
    clip = clip_of([(-1, 1, 0), (-1, float("nan"), 0), (1, 1, 0)])
    with pytest.raises(ValueError, match="finite"):
        rasterize(clip, torch.tensor([[0, 1, 2]]), size=SIZE)


@pytest.mark.parametrize("face", [[0, 1, 3], [-1, 0, 1]])
def test_a_face_without_its_vertex_is_refused(face: list[int]) -> None:
    with pytest.raises(ValueError, match="index 3 vertices"):
        rasterize(clip_of([(-1, 1, 0), (-1, -1, 0), (1, 1, 0)]), torch.tensor([face]), size=SIZE)


def test_an_empty_image_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 x 1"):
        rasterize(torch.zeros(3, 4), torch.tensor([[0, 1, 2]]), size=(0, 4))


def test_attributes_are_weighed_and_background_is_zero(tiny_head: HeadModel) -> None:
    buffers = rasterize(ball(tiny_head, 0.3), tiny_head.faces, size=SIZE)
    image = interpolate_attributes(buffers, tiny_head.faces, tiny_head.template)
    corners = tiny_head.template[tiny_head.faces[buffers.face_index.long()]]
    expected = (corners * buffers.barycentrics[..., None]).sum(-2)
    torch.testing.assert_close(image, expected)
    assert (image[~buffers.mask] == 0).all()
