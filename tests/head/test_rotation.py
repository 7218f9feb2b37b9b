from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from smplx.lbs import batch_rodrigues

from loki_core.head.rotation import (
    compose,
    from_yaw_pitch_roll,
    invert,
    rotation_matrix,
    rotation_vector,
    slerp,
    to_yaw_pitch_roll,
)

VECTORS = st.lists(st.floats(-1.7, 1.7), min_size=3, max_size=3).map(lambda v: torch.tensor(v, dtype=torch.float64))


@given(VECTORS)
def test_matrix_equals_scipy_and_comes_back(vector: torch.Tensor) -> None:
    matrix = rotation_matrix(vector)
    np.testing.assert_allclose(matrix.numpy(), Rotation.from_rotvec(vector.numpy()).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(rotation_vector(matrix)).numpy(), matrix.numpy(), atol=1e-9)


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
def test_matrix_equals_smplx_for_any_batch_shape(shape: tuple[int, ...]) -> None:
    vectors = torch.randn(*shape, 3, generator=torch.Generator().manual_seed(0))
    expected = batch_rodrigues(vectors.reshape(-1, 3)).reshape(*shape, 3, 3)
    torch.testing.assert_close(rotation_matrix(vectors), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("angle", [np.pi - 1e-6, np.pi - 1e-3, 1e-9, 0.0])
@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0, -0.8)])
def test_vector_survives_half_turns_and_tiny_angles(angle: float, axis: tuple[float, ...]) -> None:
    vector = torch.tensor(axis, dtype=torch.float64) * angle
    torch.testing.assert_close(rotation_vector(rotation_matrix(vector)), vector, atol=1e-7, rtol=0)


@given(VECTORS, VECTORS)
def test_compose_is_the_matrix_product_and_invert_undoes_it(a: torch.Tensor, b: torch.Tensor) -> None:
    product = rotation_matrix(a) @ rotation_matrix(b)
    np.testing.assert_allclose(rotation_matrix(compose(a, b)).numpy(), product.numpy(), atol=1e-9)
    np.testing.assert_allclose(compose(a, invert(a)).numpy(), 0, atol=1e-9)


@given(VECTORS, VECTORS)
def test_slerp_meets_both_ends_and_halves_the_angle(a: torch.Tensor, b: torch.Tensor) -> None:
    for share, end in ((0.0, a), (1.0, b)):
        np.testing.assert_allclose(rotation_matrix(slerp(a, b, share)).numpy(), rotation_matrix(end).numpy(), atol=1e-8)
    middle = slerp(a, b, 0.5)
    whole, half = (torch.linalg.vector_norm(compose(invert(a), x)) for x in (b, middle))
    np.testing.assert_allclose(half.item() * 2, whole.item(), atol=1e-7)


@given(st.tuples(st.floats(-170, 170), st.floats(-85, 85), st.floats(-170, 170)))
def test_yaw_pitch_roll_comes_back(degrees: tuple[float, float, float]) -> None:
    angles = torch.tensor(degrees, dtype=torch.float64)
    np.testing.assert_allclose(to_yaw_pitch_roll(from_yaw_pitch_roll(angles)).numpy(), angles.numpy(), atol=1e-6)


def test_positive_yaw_faces_left_pitch_lowers_the_chin_roll_tilts_to_the_right_shoulder() -> None:
    ahead, up = torch.tensor([0.0, 0, 1]), torch.tensor([0.0, 1, 0])
    assert (rotation_matrix(from_yaw_pitch_roll(torch.tensor([30.0, 0, 0]))) @ ahead)[0] > 0.4
    assert (rotation_matrix(from_yaw_pitch_roll(torch.tensor([0.0, 30, 0]))) @ ahead)[1] < -0.4
    assert (rotation_matrix(from_yaw_pitch_roll(torch.tensor([0.0, 0, 30]))) @ up)[0] < -0.4


def test_gradient_is_finite_at_zero() -> None:
    zero = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    other = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: compose(v, other), zero)
    assert torch.autograd.gradcheck(lambda v: compose(v, -v * 0.5), zero)
    assert torch.autograd.gradcheck(rotation_matrix, zero)
