"""Vertex normals and one soft studio light, for pictures that show shape."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["soft_light", "summed_normals", "vertex_normals"]

_KEY = (0.40, 0.45, 0.80)
"""Direction to the main light in camera space: from above, a little to the right of the image."""
_KEY_STRENGTH, _FILL_STRENGTH = 0.85, 0.35


def vertex_normals(vertices: Float[Tensor, "*B V 3"], faces: Int[Tensor, "F 3"]) -> Float[Tensor, "*B V 3"]:
    """Unit normals, outward, weighted by the area of the faces around each vertex; 0 where there is none."""
    return torch.nn.functional.normalize(summed_normals(vertices, faces), dim=-1)


def summed_normals(vertices: Float[Tensor, "*B V 3"], faces: Int[Tensor, "F 3"]) -> Float[Tensor, "*B V 3"]:
    """Outward normals of the faces around each vertex, each as long as twice its face's area, added up."""
    corners = faces.long().unbind(-1)  # torch takes a slow way with indices of 32 bits
    a, b, c = (vertices.index_select(-2, corner) for corner in corners)
    across = torch.linalg.cross(b - a, c - a)
    summed = torch.zeros_like(vertices)
    for corner in corners:
        summed.index_add_(-2, corner, across)
    return summed


def soft_light(normals: Float[Tensor, "*B V 3"]) -> Float[Tensor, "*B V 1"]:
    """How much light a camera-space surface returns, 0 to about 1, as a factor on sRGB values.

    Lambert from the key light, and a fill that comes more from above; the sum goes through sRGB's approximate gamma of 2.2.
    """
    key = torch.nn.functional.normalize(normals.new_tensor(_KEY), dim=0)
    lambert = (normals @ key).clamp_min(0)
    fill = 0.6 + 0.4 * normals[..., 1]
    return (_KEY_STRENGTH * lambert + _FILL_STRENGTH * fill).clamp(0, 1).pow(1 / 2.2)[..., None]
