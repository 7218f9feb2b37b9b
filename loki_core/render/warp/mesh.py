"""Small things on meshes: neighbours, normals, values spread from known vertices to unknown ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import splu

from loki_core.head.model import HeadModel

__all__ = [
    "edge_weights",
    "landmark_points",
    "landmark_vertices",
    "nearest_of",
    "rigid_motion",
    "smooth_step",
    "spread_values",
    "vertex_normals",
]


def rigid_motion(points: Float[np.ndarray, "N 3"], moved: Float[np.ndarray, "N 3"]) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and shift that take `points` best onto `moved` (Kabsch 1976)."""
    a, b = points.mean(0), moved.mean(0)
    u, _, vt = np.linalg.svd((moved - b).T @ (points - a))
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    return rotation, b - rotation @ a


def smooth_step(value: np.ndarray | float, start: float, end: float) -> np.ndarray:
    """0 at `start`, 1 at `end`, with level ends; `start` may be the larger."""
    share = np.clip((value - start) / (end - start), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def vertex_normals(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "V 3"]:
    """Unit normals, weighted by area; zero where no face touches the vertex."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.stack([np.bincount(faces.ravel(), across[:, k].repeat(3), len(vertices)) for k in range(3)], axis=1)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-12)


def edge_weights(vertices: Float[np.ndarray, "V D"], faces: Int[np.ndarray, "F 3"]) -> csr_matrix:
    """(V, V) symmetric weights of neighbours: one over the length of their edge."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    weights = 1 / np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1).clip(1e-6)
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    return csr_matrix((np.tile(weights, 2), (rows, columns)), shape=(len(vertices),) * 2)


def spread_values(
    values: Float[np.ndarray, "V C"], known: Bool[np.ndarray, "V"], weights: csr_matrix, *, pull: float = 0.0
) -> Float[np.ndarray, "V C"]:
    """Keep the values of `known` vertices; make every other the weighted mean of its neighbours (discrete harmonic).

    `pull`, in the unit of the weights, draws the unknown towards zero, so that far ones reach it. Unknown vertices that no path
    joins to a known one become zero.
    """
    laplacian = (diags(np.asarray(weights.sum(1)).ravel() + pull + 1e-9) - weights).tocsr()
    free = np.flatnonzero(~known)
    filled = values.astype(np.float64).copy()
    if len(free):
        right = -laplacian[free][:, np.flatnonzero(known)] @ values[known]
        filled[free] = splu(laplacian[free][:, free].tocsc()).solve(right)
    return filled


def landmark_points(head: HeadModel, landmarks: Sequence[int], points: Float[np.ndarray, "V D"]) -> Float[np.ndarray, "K D"]:
    """MediaPipe's `landmarks` on the head, from values of its vertices."""
    if head.anchors is None:
        raise ValueError(f"expected a head with measured landmarks, got '{head.name}' without; measure its anchors first")
    corners = head.faces[head.anchors.faces[list(landmarks)]].numpy()
    return (points[corners] * head.anchors.barycentrics[list(landmarks)].numpy()[..., None]).sum(1)


def landmark_vertices(head: HeadModel, landmarks: Sequence[int]) -> Int[np.ndarray, "K"]:
    """The vertices that MediaPipe's `landmarks` lie between."""
    if head.anchors is None:
        raise ValueError(f"expected a head with measured landmarks, got '{head.name}' without; measure its anchors first")
    return np.unique(head.faces[head.anchors.faces[list(landmarks)]].numpy())


def nearest_of(mask: Bool[np.ndarray, "H W"]) -> Int[np.ndarray, "2 H W"]:
    """Row and column of the nearest true pixel of `mask`, for every pixel."""
    return distance_transform_edt(~mask, return_distances=False, return_indices=True)
