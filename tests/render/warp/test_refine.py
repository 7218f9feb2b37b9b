"""Splitting coarse faces."""

from __future__ import annotations

import numpy as np
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from loki_core.render.warp.refine import refine_faces


@given(st.floats(0.1, 0.6), st.integers(0, 2**32 - 1))
def test_no_coarse_face_keeps_a_long_edge_and_the_surface_stays(longest: float, seed: int) -> None:
    ball = trimesh.creation.icosphere(subdivisions=1)
    points, faces = np.asarray(ball.vertices), np.asarray(ball.faces)
    coarse = np.random.default_rng(seed).random(len(faces)) < 0.5
    weights, finer = refine_faces(points, faces, coarse, longest=longest)
    moved = weights @ points
    assert np.array_equal(moved[: len(points)], points)
    np.testing.assert_allclose(np.asarray(weights.sum(1)).ravel(), 1)
    area = trimesh.Trimesh(moved, finer, process=False).area
    np.testing.assert_allclose(area, ball.area)
    kept = {tuple(face) for face in faces[~coarse].tolist()}
    edges = np.linalg.norm(moved[finer] - moved[np.roll(finer, 1, axis=1)], axis=-1).max(1)
    assert all(edge <= longest or tuple(face) in kept for edge, face in zip(edges, finer.tolist(), strict=True))
    assert kept <= {tuple(face) for face in finer.tolist()}


def test_nothing_coarse_changes_nothing() -> None:
    ball = trimesh.creation.icosphere(subdivisions=1)
    weights, finer = refine_faces(
        np.asarray(ball.vertices), np.asarray(ball.faces), np.zeros(len(ball.faces), dtype=bool), longest=0.01
    )
    assert weights.shape == (len(ball.vertices), len(ball.vertices))
    assert np.array_equal(finer, ball.faces)
