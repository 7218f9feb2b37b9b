"""Least squares between bounds, for many right-hand sides at once."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["bounded_least_squares"]

_OVERSHOOT = 1.6
"""Over-relaxation; Boyd et al. recommend 1.5 to 1.8."""


def bounded_least_squares(
    gram: Float[Tensor, "N N"],
    target: Float[Tensor, "*B N"],
    *,
    low: float,
    high: float,
    tolerance: float = 1e-5,
    max_steps: int = 1000,
) -> Float[Tensor, "*B N"]:
    """Minimise x G x / 2 - x t for `low` <= x <= `high`: with G = A'A and t = A'b that is |A x - b|^2.

    ADMM (Boyd et al. 2011, section 5.2.1) on variables scaled so that G has ones on its diagonal. Stops once nothing moves by
    more than `tolerance`. Coordinates that G says nothing of (zero rows) stay as near to 0 as the bounds allow.
    """
    diagonal = gram.diagonal().double()
    known = (diagonal > 1e-12 * diagonal.amax()).nonzero().flatten()
    scale = diagonal[known].rsqrt()
    matrix = gram.double()[known][:, known] * scale * scale[:, None]
    values = torch.linalg.eigvalsh(matrix)
    step = (values[0].clamp_min(1e-6) * values[-1]).sqrt()
    inverse = torch.linalg.inv(matrix + step * torch.eye(len(matrix), dtype=matrix.dtype))
    linear = target.double().reshape(-1, len(gram))[:, known] * scale
    bounded, dual = torch.zeros_like(linear), torch.zeros_like(linear)
    for _ in range(max_steps):
        free = _OVERSHOOT * (linear + step * (bounded - dual)) @ inverse + (1 - _OVERSHOOT) * bounded
        previous, bounded = bounded, torch.minimum(torch.maximum(free + dual, low / scale), high / scale)
        dual = dual + free - bounded
        moved = torch.maximum((bounded - previous).abs(), (free - bounded).abs()) * scale
        if not moved.numel() or moved.amax() <= tolerance:
            break
    solution = torch.zeros(len(linear), len(gram), dtype=torch.float64).clamp(low, high)
    solution[:, known] = bounded * scale
    return solution.reshape(target.shape).to(target.dtype)
