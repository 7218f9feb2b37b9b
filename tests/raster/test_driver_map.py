from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.head.model import PART_NAMES, HeadModel, head_offsets, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, clip_from_camera, head_crop, project
from loki_core.raster.driver_map import CHANNEL_NAMES, canonical_coordinates, deformation, driver_map
from loki_core.raster.rasterize import rasterize
from tests.raster.oracle import encode_slowly

CAMERA = Camera(focal=300, cx=64, cy=64, width=128, height=128)
SIZE = (20, 24)


def performance(head: HeadModel, batch: tuple[int, ...] = ()) -> FlameParams:
    """A face that does something, 0.6 m away."""
    generator = torch.Generator().manual_seed(3)

    def noise(*shape: int, scale: float) -> torch.Tensor:
        return torch.randn(*batch, *shape, generator=generator) * scale

    return FlameParams(
        betas=noise(head.shape_count, scale=1),
        expression=noise(head.expression_count, scale=0.5),
        global_orient=noise(3, scale=0.3),
        neck_pose=noise(3, scale=0.1),
        jaw_pose=noise(3, scale=0.2),
        eye_pose=noise(2, 3, scale=0.2),
        translation=noise(3, scale=0.01) + torch.tensor([0, 0, -0.6]),
    )


def crop_of(head: HeadModel, params: FlameParams) -> CropBox:
    return head_crop(project(CAMERA, pose_vertices(head, params)).reshape(-1, 2))


def test_canonical_coordinates_are_centred_and_reach_one(tiny_head: HeadModel) -> None:
    place = canonical_coordinates(tiny_head)
    torch.testing.assert_close(place.mean(0), torch.zeros(3), atol=1e-6, rtol=0)
    assert place.max() == 1


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 5e-5), (torch.float16, 6e-4)])
def test_all_45_channels_agree_with_the_oracle(tiny_head: HeadModel, dtype: torch.dtype, tolerance: float) -> None:
    params = performance(tiny_head)
    crop = crop_of(tiny_head, params)
    result = driver_map(tiny_head, params, CAMERA, crop, size=SIZE, dtype=dtype)
    buffers = rasterize(clip_from_camera(CAMERA, crop, pose_vertices(tiny_head, params)), tiny_head.faces, size=SIZE)
    moved = deformation(tiny_head, params)
    oracle = encode_slowly(
        buffers, tiny_head.faces.numpy(), canonical_coordinates(tiny_head).double().numpy(), moved.double().numpy()
    )
    assert result.map.dtype == dtype and result.map.shape == (45, *SIZE)
    error = np.abs(result.map.double().numpy() - oracle)
    assert error[:42].max() <= tolerance
    assert error[42:].max() <= tolerance * max(1, np.abs(oracle[42:]).max())
    assert torch.equal(result.mask, buffers.mask)


def test_the_map_is_zero_off_the_head(tiny_head: HeadModel) -> None:
    params = performance(tiny_head)
    result = driver_map(tiny_head, params, CAMERA, crop_of(tiny_head, params), size=SIZE)
    assert 0.2 < result.mask.float().mean() < 0.9
    assert (result.map[:, ~result.mask] == 0).all()
    assert ((result.map[0] != 0) == result.mask).float().mean() > 0.95


def test_channels_are_named_in_the_order_of_the_paper() -> None:
    assert len(CHANNEL_NAMES) == 45
    assert CHANNEL_NAMES[0] == "sin 2^0 x" and CHANNEL_NAMES[13] == "cos 2^6 x"
    assert CHANNEL_NAMES[14] == "sin 2^0 y" and CHANNEL_NAMES[41] == "cos 2^6 z"
    assert CHANNEL_NAMES[42:] == ("delta x", "delta y", "delta z")


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_a_batch_is_its_frames(tiny_head: HeadModel, batch: tuple[int, ...]) -> None:
    params = performance(tiny_head, batch)
    crop = crop_of(tiny_head, params)
    together = driver_map(tiny_head, params, CAMERA, crop, size=SIZE)
    assert together.map.shape == (*batch, 45, *SIZE) and together.mask.shape == (*batch, *SIZE)
    alone = params
    for _ in batch:
        alone = alone[-1]
    last = driver_map(tiny_head, alone, CAMERA, crop, size=SIZE)
    flat = together.map.reshape(-1, 45, *SIZE)[-1]
    torch.testing.assert_close(flat, last.map, atol=2e-3, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (3, 32), (64, 64)])
def test_any_size_is_drawn(tiny_head: HeadModel, size: tuple[int, int]) -> None:
    params = performance(tiny_head)
    result = driver_map(tiny_head, params, CAMERA, crop_of(tiny_head, params), size=size)
    assert result.map.shape == (45, *size)
    assert torch.isfinite(result.map).all() and result.mask.any()


def test_turning_and_moving_the_whole_head_deform_nothing(tiny_head: HeadModel) -> None:
    still = replace(
        tiny_head.neutral(),
        betas=torch.ones(3),
        global_orient=torch.tensor([0.3, -0.5, 0.1]),
        translation=torch.tensor([0.1, 0, -2]),
    )
    torch.testing.assert_close(deformation(tiny_head, still), torch.zeros_like(tiny_head.template), atol=1e-4, rtol=0)


def test_deformation_is_the_offset_in_units_of_the_scale(tiny_head: HeadModel) -> None:
    raised = replace(tiny_head.neutral(), expression=torch.tensor([0.0, 0, 0, 1]))
    moved = deformation(tiny_head, raised)
    expected = tiny_head.expression_basis[..., 3] / tiny_head.deformation_scale
    outer = head_offsets(tiny_head, raised).norm(dim=-1) > 1e-5
    torch.testing.assert_close(moved[outer], expected[outer], atol=1e-4, rtol=0)


def test_jaw_and_eyes_deform_in_head_space(tiny_head: HeadModel) -> None:
    jaw = replace(tiny_head.neutral(), jaw_pose=torch.tensor([0.3, 0, 0]))
    still = ~tiny_head.vertex_masks["jaw"] & (tiny_head.skinning_weights[:, 2] == 0)
    moved = deformation(tiny_head, jaw)
    assert moved[tiny_head.vertex_masks["lips"]].abs().max() > 0.1
    assert moved[still].abs().max() < 1e-4
    left = replace(tiny_head.neutral(), eye_pose=torch.tensor([[0.2, 0, 0], [0, 0, 0]]))
    eyes = deformation(tiny_head, left)
    assert eyes[tiny_head.vertex_masks["eye_left"]].abs().max() > 0.1
    assert eyes[tiny_head.vertex_masks["eye_right"]].abs().max() < 1e-4


def test_vertices_of_the_inner_mouth_alone_do_not_deform(tiny_head: HeadModel) -> None:
    chin = int(tiny_head.template[tiny_head.vertex_masks["lips"]][:, 1].argmin())
    vertex = tiny_head.vertex_masks["lips"].nonzero()[chin]
    around = (tiny_head.faces == vertex).any(1)
    part = torch.where(around, PART_NAMES.index("mouth_cavity"), tiny_head.face_part)
    before = deformation(tiny_head, performance(tiny_head))
    after = deformation(replace(tiny_head, face_part=part), performance(tiny_head))
    assert before[vertex].abs().max() > 0.1 and (after[vertex] == 0).all()
    rim = tiny_head.faces[part == PART_NAMES.index("skin")].unique()
    assert torch.equal(before[rim], after[rim])


def test_faces_that_are_not_shown_still_hide_what_lies_behind(tiny_head: HeadModel) -> None:
    params = replace(performance(tiny_head), global_orient=torch.zeros(3))
    crop = crop_of(tiny_head, params)
    whole = driver_map(tiny_head, params, CAMERA, crop, size=SIZE)
    skin = tiny_head.face_part == PART_NAMES.index("skin")
    part = driver_map(tiny_head, params, CAMERA, crop, size=SIZE, shown=~skin)
    assert 0 < part.mask.sum() < whole.mask.sum()
    assert not (part.mask & ~whole.mask).any()
    assert torch.equal(part.map[:, part.mask], whole.map[:, part.mask])
    assert (part.map[:, ~part.mask] == 0).all()


def test_double_angles_stay_with_numpy_over_seven_octaves(tiny_head: HeadModel) -> None:
    params = replace(tiny_head.neutral(), translation=torch.tensor([0, 0, -0.6]))
    result = driver_map(tiny_head, params, CAMERA, crop_of(tiny_head, params), size=(64, 64))
    base = result.map[:, result.mask].double().numpy()
    for axis in range(3):
        angle = np.arctan2(base[14 * axis], base[14 * axis + 7])  # |angle| < pi on this head
        assert np.abs(angle).max() < 2
    fine = driver_map(tiny_head, params, CAMERA, crop_of(tiny_head, params), size=(64, 64), dtype=torch.float32)
    fine_base = fine.map[:, fine.mask].double().numpy()
    for axis in range(3):
        angle = np.arctan2(fine_base[14 * axis], fine_base[14 * axis + 7])
        for octave in range(7):
            assert np.abs(base[14 * axis + octave] - np.sin(2**octave * angle)).max() < 6e-4
            assert np.abs(base[14 * axis + 7 + octave] - np.cos(2**octave * angle)).max() < 6e-4


def test_a_map_of_another_dtype_is_refused(tiny_head: HeadModel) -> None:
    params = performance(tiny_head)
    with pytest.raises(ValueError, match="float16 or float32"):
        driver_map(tiny_head, params, CAMERA, crop_of(tiny_head, params), size=SIZE, dtype=torch.float64)
