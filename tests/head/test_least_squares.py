from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from loki_core.head.least_squares import bounded_least_squares


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_every_row_equals_scipys_active_set_method(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((12, count)) * rng.uniform(0.1, 10, count), rng.standard_normal((3, 12))
    found = bounded_least_squares(torch.from_numpy(a.T @ a), torch.from_numpy(b @ a), low=-0.1, high=0.4, tolerance=1e-8)
    expected = np.stack([lsq_linear(a, row, (-0.1, 0.4), method="bvls", tol=1e-12).x for row in b])
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(), (2,), (2, 3), (0,)])
def test_any_batch_shape_is_kept(shape: tuple[int, ...]) -> None:
    gram = torch.eye(4, dtype=torch.float64)
    target = torch.full((*shape, 4), 2.0)
    assert torch.allclose(bounded_least_squares(gram, target, low=0, high=1), torch.ones(*shape, 4))


def test_a_coordinate_that_changes_nothing_stays_at_rest() -> None:
    gram = torch.diag(torch.tensor([1.0, 0.0]))
    assert bounded_least_squares(gram, torch.tensor([0.5, 3.0]), low=0, high=1).tolist() == pytest.approx([0.5, 0.0], abs=1e-5)
