"""Poses, the warp of a volume and ray maps against closed forms."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.dex.similarity import compose_poses, head_plane, invert_pose, pose_matrix, ray_map, relative_pose, warp_volume

numbers = st.lists(st.floats(-1, 1), min_size=6, max_size=6).map(lambda v: torch.tensor(v, dtype=torch.float64))
IDENTITY = torch.eye(3, 4)


def volume(side: int = 6) -> torch.Tensor:
    return torch.rand(2, 3, side, side, side, generator=torch.Generator().manual_seed(0))


def test_zeros_are_the_identity():
    assert torch.equal(pose_matrix(torch.zeros(6)), IDENTITY)


@given(numbers, numbers)
def test_from_the_source_to_the_driver_and_back(driver: torch.Tensor, source: torch.Tensor):
    d, s = pose_matrix(driver), pose_matrix(source)
    torch.testing.assert_close(compose_poses(relative_pose(d, s), s), d)
    torch.testing.assert_close(relative_pose(s, s), IDENTITY.double())
    torch.testing.assert_close(compose_poses(relative_pose(d, s), relative_pose(s, d)), IDENTITY.double())


@given(numbers, numbers)
def test_composing_is_the_product_of_4_by_4_matrices(first: torch.Tensor, second: torch.Tensor):
    a, b = pose_matrix(first), pose_matrix(second)
    last = torch.tensor([[0.0, 0, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(compose_poses(a, b), (torch.cat([a, last]) @ torch.cat([b, last]))[:3])
    torch.testing.assert_close(invert_pose(a), torch.linalg.inv(torch.cat([a, last]))[:3])


def test_a_warp_by_the_identity_gives_the_volume_back():
    torch.testing.assert_close(warp_volume(volume(), IDENTITY.expand(2, 3, 4)), volume())


def test_a_shift_by_whole_voxels_moves_to_the_right_and_down():
    side = 6
    pose = pose_matrix(torch.tensor([[0, 0, 0, 2 / side, 4 / side, 0.0]])).expand(2, 3, 4)
    moved = warp_volume(volume(side), pose)
    torch.testing.assert_close(moved[..., 2:, 1:], volume(side)[..., :-2, :-1])
    for left in (moved[..., :2, :], moved[..., 0]):
        torch.testing.assert_close(left, torch.zeros_like(left), atol=1e-5, rtol=0)


def test_a_quarter_turn_about_the_line_of_sight_turns_every_slice():
    pose = pose_matrix(torch.tensor([[0, 0, math.pi / 2, 0, 0, 0.0]])).expand(2, 3, 4)
    expected = volume().rot90(-1, (-2, -1))  # x right goes to y down
    torch.testing.assert_close(warp_volume(volume(), pose), expected, atol=1e-4, rtol=0)


def test_two_warps_are_the_warp_of_the_product():
    angles = torch.tensor([[0, 0, math.pi / 2, 0, 0, 0.0], [0, math.pi / 2, 0, 0, 0, 0.0]])
    first, second = (pose_matrix(each[None]).expand(2, 3, 4) for each in angles)
    twice = warp_volume(warp_volume(volume(), first), second)
    torch.testing.assert_close(twice, warp_volume(volume(), compose_poses(second, first)), atol=1e-4, rtol=0)


def test_places_keep_their_digits_where_networks_are_computed_in_half():
    first, second = (pose_matrix(torch.tensor([[a, 0.2, 0.3, 0.01, a, 0.1]])).expand(2, 3, 4) for a in (0.1, 0.2))

    def moved() -> list[torch.Tensor]:
        return [warp_volume(volume(), relative_pose(first, second)), ray_map(relative_pose(first, second), 4)]

    exact = moved()
    with torch.autocast("cpu", torch.bfloat16):
        assert all(torch.equal(one, other) for one, other in zip(exact, moved(), strict=True))


def test_doubling_the_size_shows_the_middle():
    pose = pose_matrix(torch.tensor([[0, 0, 0, 0, 0, math.log(2.0)]])).expand(2, 3, 4)
    ramp = torch.linspace(-1 + 1 / 8, 1 - 1 / 8, 8).expand(2, 1, 8, 8, 8)  # each voxel holds its own x
    torch.testing.assert_close(warp_volume(ramp, pose), ramp / 2, atol=1e-5, rtol=0)


def test_the_ray_map_of_the_identity_is_nothing():
    assert not ray_map(IDENTITY, 4).any()


def test_the_ray_map_is_its_closed_form():
    angle, scale, x, y = 0.3, 1.25, 0.1, -0.2
    rays = ray_map(pose_matrix(torch.tensor([0, angle, 0, x, y, math.log(scale)])), 2)
    for row, v in enumerate((-0.5, 0.5)):
        for column, u in enumerate((-0.5, 0.5)):  # a turn about y: x' = s cos u, z' = -s sin u
            expected = (scale * math.cos(angle) * u + x - u, scale * v + y - v, -scale * math.sin(angle) * u)
            torch.testing.assert_close(rays[:, row, column], torch.tensor(expected))


@given(numbers)
def test_the_ray_map_is_the_pose_at_every_point(values: torch.Tensor):
    pose, size = pose_matrix(values), 3
    rays = ray_map(pose, size)
    for row in range(size):
        for column in range(size):
            point = torch.tensor([(2 * column + 1) / size - 1, (2 * row + 1) / size - 1, 0, 1], dtype=torch.float64)
            torch.testing.assert_close(rays[:, row, column], pose @ point - point[:3])


@given(numbers)
def test_the_pose_carries_the_plane_of_the_head_to_the_pixels(values: torch.Tensor):
    pose = pose_matrix(values / 2)  # never as far as the profile
    places = head_plane(pose, 8).flatten(1)
    seen = pose[:2, :2] @ places + pose[:2, 3:]
    line = (torch.arange(8, dtype=torch.float64) + 0.5) / 4 - 1
    torch.testing.assert_close(seen.view(2, 8, 8), torch.stack(torch.meshgrid(line, line, indexing="xy")))


def test_the_plane_of_a_head_in_profile_stays_finite():
    places = head_plane(pose_matrix(torch.tensor([0, math.pi / 2, 0, 0.1, 0, 0.0])), 8)
    assert places.isfinite().all() and places.abs().max() < 20
