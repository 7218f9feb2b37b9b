"""More vertices where a mesh is coarse: what a vertex shows changes faster over a closing lid than the head's own faces tell."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix, identity, vstack

__all__ = ["refine_faces"]


def refine_faces(
    points: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], coarse: Bool[np.ndarray, "F"], *, longest: float
) -> tuple[csr_matrix, Int[np.ndarray, "G 3"]]:
    """Split the `coarse` faces at the middles of their edges until none has an edge over `longest` (in the unit of `points`).

    Returns the weights (W, V) of all vertices, the old ones first, and the faces. Neighbours are not split: a new vertex on
    their edge lies exactly on it.
    """
    weights = identity(len(points), format="csr")
    while True:
        corners = (weights @ points)[faces]
        longest_edge = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(1)
        split = coarse & (longest_edge > longest)
        if not split.any():
            return weights, faces
        parents = faces[split]
        pairs = np.sort(np.stack([parents, np.roll(parents, -1, axis=1)], axis=-1), axis=-1)
        edges, which = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
        middle = weights.shape[0] + which.reshape(-1, 3)
        a, b, c = parents.T
        ab, bc, ca = middle.T
        children = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
        weights = vstack([weights, (weights[edges[:, 0]] + weights[edges[:, 1]]) / 2]).tocsr()
        faces = np.concatenate([faces[~split], children])
        coarse = np.concatenate([coarse[~split], np.ones(len(children), dtype=bool)])
