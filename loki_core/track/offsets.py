"""The free-form residual: a smooth displacement of the mesh that takes its landmarks exactly to where the picture has them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.sparse import coo_matrix, csr_matrix, diags, eye, vstack
from scipy.sparse.linalg import splu

from loki_core.head.model import PART_NAMES, HeadModel

__all__ = ["spread_offsets"]

_BEND = 3.0
"""Weight of smoothness: of the difference between a vertex's displacement and its neighbours' mean."""
_SIZE = 0.02
"""Weight of staying in place, where no landmark says otherwise."""
_SYMMETRY = 0.15
"""Weight of moving like the mirrored vertex: what is turned away follows what is seen."""
_SIGNS = (-1.0, 1.0, 1.0)
"""x changes sign in a mirror."""


def spread_offsets(head: HeadModel, wanted: Float[np.ndarray, "L 3"], trust: Float[np.ndarray, "L"]) -> Float[np.ndarray, "V 3"]:
    """Displacements of all vertices (metres, head space) that move each landmark as `wanted`, as far as `trust` (0 to 1) says.

    Least squares over the skin; eyeballs, teeth and tongue move without bending, with the lids and the lips around them.
    """
    assert head.anchors is not None
    skin = _skin_vertices(head)
    index = np.full(len(head.template), -1)
    index[skin] = np.arange(len(skin))
    on_skin = (index[head.faces.numpy()[head.anchors.faces.numpy()]] >= 0).all(1)
    landmarks = _landmark_rows(head, index, on_skin)
    laplacian = _laplacian(head, index, len(skin))
    partner = index[head.mirror.numpy()[skin]]
    mirrored = csr_matrix((np.ones(len(skin)), (np.arange(len(skin)), partner)), shape=(len(skin),) * 2)
    moved = np.zeros((len(head.template), 3))
    weight = diags(trust[on_skin])
    for axis, sign in enumerate(_SIGNS):
        rows = vstack(
            [weight @ landmarks, _BEND * laplacian, _SIZE * eye(len(skin)), _SYMMETRY * (eye(len(skin)) - sign * mirrored)]
        )
        normal = (rows.T @ rows).tocsc()
        right = (weight @ landmarks).T @ (weight @ wanted[on_skin, axis])
        moved[skin, axis] = splu(normal).solve(right)
    return _carry_rigid_parts(head, moved, skin)


def _skin_vertices(head: HeadModel) -> np.ndarray:
    """Vertices of the one surface that skin, lips and mouth cavity form."""
    parts = [PART_NAMES.index(name) for name in ("skin", "lips", "mouth_cavity")]
    return np.unique(head.faces.numpy()[np.isin(head.face_part.numpy(), parts)])


def _landmark_rows(head: HeadModel, index: np.ndarray, on_skin: np.ndarray) -> csr_matrix:
    assert head.anchors is not None
    corners = index[head.faces.numpy()[head.anchors.faces.numpy()[on_skin]]]
    rows = np.arange(len(corners))[:, None].repeat(3, 1)
    weights = head.anchors.barycentrics.numpy()[on_skin]
    return csr_matrix(
        (weights.ravel().astype(np.float64), (rows.ravel(), corners.ravel())), shape=(len(corners), index.max() + 1)
    )


def _laplacian(head: HeadModel, index: np.ndarray, count: int) -> csr_matrix:
    """Uniform: each vertex less the mean of its neighbours."""
    faces = index[head.faces.numpy()]
    faces = faces[(faces >= 0).all(1)]
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = coo_matrix(
        (np.ones(2 * len(pairs)), (np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]])), shape=(count, count)
    )
    edges = (edges.tocsr() > 0).astype(np.float64)
    return eye(count, format="csr") - diags(1 / np.asarray(edges.sum(1)).ravel().clip(1)) @ edges


def _carry_rigid_parts(head: HeadModel, moved: Float[np.ndarray, "V 3"], skin: np.ndarray) -> Float[np.ndarray, "V 3"]:
    """Give each loose part the mean displacement of the skin around it."""
    template, faces, part = head.template.numpy(), head.faces.numpy(), head.face_part.numpy()
    for number in range(len(PART_NAMES)):
        loose = np.setdiff1d(np.unique(faces[part == number]), skin)
        if not len(loose):
            continue
        low, high = template[loose].min(0) - 0.004, template[loose].max(0) + 0.004
        near = skin[((template[skin] > low) & (template[skin] < high)).all(1)]
        moved[loose] = moved[near].mean(0)
    return moved
