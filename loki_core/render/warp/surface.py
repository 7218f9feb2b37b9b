"""Surfaces: meshes that move with the head's vertices and carry a picture of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix

__all__ = ["Surface", "carried_by", "pack_pictures"]

_GAP = 2
"""Pixels around each packed picture that repeat its edge."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh of M vertices, drawn inside the openings of the skin."""

    carry: csr_matrix
    """(M, V): the mesh's vertices from the head's."""
    faces: Int[np.ndarray, "F 3"]
    place: Float[np.ndarray, "M 2"]
    """The pixel of `picture` that each vertex shows."""
    picture: Float[np.ndarray, "h w 4"]
    """Premultiplied RGBA, 0 to 255."""


def carried_by(
    points: Float[np.ndarray, "M 3"], vertices: Float[np.ndarray, "V 3"], carriers: Int[np.ndarray, "K"]
) -> csr_matrix:
    """(M, V) weights, summing to 1, that make `points` of `vertices[carriers]` and follow these when they move rigidly."""
    centre = vertices[carriers].mean(0)
    scale = np.abs(vertices[carriers] - centre).max()
    system = np.concatenate([((vertices[carriers] - centre) / scale).T, np.ones((1, len(carriers)))])
    wanted = np.concatenate([((points - centre) / scale).T, np.ones((1, len(points)))])
    weights = (np.linalg.pinv(system) @ wanted).T
    rows = np.arange(len(points)).repeat(len(carriers))
    return csr_matrix((weights.ravel(), (rows, np.tile(carriers, len(points)))), shape=(len(points), len(vertices)))


def pack_pictures(
    first: Float[np.ndarray, "H W 4"], others: Sequence[Float[np.ndarray, "_ _ 4"]]
) -> tuple[Float[np.ndarray, "T S 4"], list[tuple[int, int]]]:
    """Stack pictures under the first, edges repeated; returns the stack and where (x, y) each of the others begins."""
    framed = [first, *(np.pad(p, ((_GAP, _GAP), (_GAP, _GAP), (0, 0)), mode="edge") for p in others)]
    width = max(p.shape[1] for p in framed)
    starts = np.cumsum([p.shape[0] for p in framed])[:-1]
    stack = np.concatenate([np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), mode="edge") for p in framed])
    return stack.astype(np.float32), [(_GAP, int(y) + _GAP) for y in starts]
