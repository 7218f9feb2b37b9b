"""The solver on exact landmarks, whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.head.model import pose_vertices
from loki_core.head.rotation import compose, invert, rotation_vector
from loki_core.raster.camera import Camera
from loki_core.track.posing import (
    Frames,
    Posed,
    frame_jacobian,
    pixel_window,
    pose_landmarks,
    project_points,
    shared_jacobian,
)
from loki_core.track.priors import head_priors
from loki_core.track.reduced import UNITS, left_jacobian, reduce_head, rotations, shape_head
from loki_core.track.solver import Identity, Reading, solve_frames, solve_identity
from tests.track.faces import EXACT, HEAD, as_frames, random_frame, true_landmarks

REDUCED = reduce_head(HEAD)
WIDE = replace(head_priors(HEAD), units=np.full(52, 2.0), sparsity=np.zeros(52), jaw=0.3, eyes=1.0, conjugate=1.0)
"""Priors that say little, as exact landmarks need none."""


def posed(seed: int) -> tuple[Identity, Frames, np.ndarray]:
    params, camera = random_frame(seed)
    return Identity(params.betas.numpy().astype(np.float64), camera), as_frames(params), true_landmarks(params, camera)


@pytest.mark.parametrize("seed", range(4))
def test_landmarks_are_those_of_the_whole_mesh(seed: int) -> None:
    identity, frames, expected = posed(seed)
    points = pose_landmarks(shape_head(REDUCED, identity.betas), frames).points
    np.testing.assert_allclose(project_points(identity.camera, points)[0], expected, atol=2e-3)


@pytest.mark.parametrize("scale", [1e-9, 1e-4, 1.0, 3.0])
def test_left_jacobian_is_the_derivative_of_the_rotation(scale: float) -> None:
    vector, step = scale * np.array([0.3, -0.5, 0.8]), 1e-6 * np.array([0.2, 0.9, -0.4])
    turned = rotations(vector + step) @ rotations(vector).T
    np.testing.assert_allclose(turned, rotations(left_jacobian(vector) @ step), atol=1e-11)


def test_frame_jacobian_matches_central_differences() -> None:
    identity, frames, _ = posed(5)
    shaped, size = shape_head(REDUCED, identity.betas), 1e-6

    def pixels(step: np.ndarray) -> np.ndarray:
        return project_points(identity.camera, pose_landmarks(shaped, frames.stepped(step[None])).points)[0]

    exact = _jacobian(identity.camera, shaped, frames, pose_landmarks(shaped, frames))[0]
    for k in range(exact.shape[-1]):
        step = np.eye(exact.shape[-1])[k] * size
        np.testing.assert_allclose(exact[..., k], (pixels(step) - pixels(-step)) / (2 * size), atol=1e-4)


def _jacobian(camera: Camera, shaped: object, frames: Frames, posed_: Posed) -> np.ndarray:
    return frame_jacobian(shaped, frames, posed_, pixel_window(camera, posed_.points))  # type: ignore[arg-type]


def test_shared_jacobian_matches_central_differences() -> None:
    identity, frames, _ = posed(6)
    camera, size = identity.camera, 1e-5

    def pixels(betas: np.ndarray, focal: float) -> np.ndarray:
        points = pose_landmarks(shape_head(REDUCED, betas), frames).points
        return project_points(replace(camera, focal=focal), points)[0]

    at = pose_landmarks(shape_head(REDUCED, identity.betas), frames)
    from_centre = project_points(camera, at.points) - [camera.cx, camera.cy]
    exact = shared_jacobian(REDUCED, frames, at, pixel_window(camera, at.points), from_centre)[0]
    for k in (0, 17, 139):
        step = np.eye(140)[k] * size
        apart = pixels(identity.betas + step, camera.focal) - pixels(identity.betas - step, camera.focal)
        np.testing.assert_allclose(exact[..., k], apart / (2 * size), atol=1e-4)
    grown = pixels(identity.betas, camera.focal * np.exp(size)) - pixels(identity.betas, camera.focal * np.exp(-size))
    np.testing.assert_allclose(exact[..., 140], grown / (2 * size), atol=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_pose_jaw_and_gaze_are_recovered(seed: int) -> None:
    params, camera = random_frame(seed)
    identity = Identity(params.betas.numpy().astype(np.float64), camera)
    frames = solve_frames(REDUCED, identity, true_landmarks(params, camera)[None], WIDE, errors=EXACT, steps=25)
    turn = compose(rotation_vector(torch.from_numpy(frames.turn[0])).float(), invert(params.global_orient))
    joints = frames.total_joints(REDUCED.unit_turns)[0]
    assert np.degrees(turn.norm()) < 0.1
    assert np.degrees(np.abs(joints[0, 0] - params.jaw_pose[0].numpy())) < 1.0
    np.testing.assert_allclose(np.degrees(joints[1:, :2]), np.degrees(params.eye_pose[:, :2].numpy()), atol=1.0)


def test_one_person_is_recovered_from_many_frames() -> None:
    base, camera = random_frame(11)
    people = [replace(random_frame(seed)[0], betas=base.betas) for seed in range(20, 32)]
    people = [replace(p, translation=base.translation) for p in people]
    observed = np.stack([true_landmarks(p, camera) for p in people])
    identity, frames = solve_identity(REDUCED, observed, replace(camera, focal=500.0), WIDE, errors=EXACT, steps=40)
    expected = project_points(identity.camera, pose_landmarks(shape_head(REDUCED, identity.betas), frames).points)
    assert np.linalg.norm(expected - observed, axis=-1).mean() < 0.3
    rest = pose_vertices(HEAD, replace(HEAD.neutral(), betas=base.betas))[HEAD.vertex_masks["face"]]
    found = pose_vertices(HEAD, replace(HEAD.neutral(), betas=torch.from_numpy(identity.betas).float()))[
        HEAD.vertex_masks["face"]
    ]
    neutral = HEAD.template[HEAD.vertex_masks["face"]]
    assert _apart(found, rest) < 0.5 * _apart(neutral, rest)


def _apart(a: torch.Tensor, b: torch.Tensor) -> float:
    """Mean distance once place and size are taken out."""
    a, b = ((x - x.mean(0)) / (x - x.mean(0)).norm() for x in (a, b))
    return float((a - b).norm(dim=-1).mean())


def test_units_stay_between_0_and_their_bound() -> None:
    priors = head_priors(HEAD)
    identity, _, observed = posed(2)
    rng = np.random.default_rng(0)
    frames = solve_frames(REDUCED, identity, observed[None] + rng.normal(0, 4, (3, 478, 2)), priors, errors=EXACT)
    assert (frames.units >= 0).all() and (frames.units <= priors.most).all()
    assert not frames.units[:, priors.units == 0].any()


def test_a_frame_does_not_depend_on_its_neighbours() -> None:
    (identity, _, first), (_, _, second) = posed(1), posed(2)
    both = solve_frames(REDUCED, identity, np.stack([first, second]), head_priors(HEAD), errors=EXACT)
    alone = solve_frames(REDUCED, identity, second[None], head_priors(HEAD), errors=EXACT)
    np.testing.assert_allclose(both.units[1], alone.units[0], atol=1e-6)
    np.testing.assert_allclose(both.turn[1], alone.turn[0], atol=1e-8)


def test_known_poses_are_kept() -> None:
    identity, frames, observed = posed(3)
    solved = solve_frames(REDUCED, identity, observed[None] + 5, head_priors(HEAD), errors=EXACT, posed=frames)
    np.testing.assert_array_equal(solved.turn, frames.turn)
    np.testing.assert_array_equal(solved.shift, frames.shift)


def test_a_sure_reading_wins_over_vague_landmarks() -> None:
    identity, _, observed = posed(4)
    turn, units = rotations(np.array([[0.1, 0.2, 0.0]])), np.full((1, 52), 0.3)
    reading = Reading(turn, np.full(3, 1e-6), units, np.full(52, 1e-6))
    vague = replace(EXACT, noise=np.full((478, 2), 0.05))
    frames = solve_frames(REDUCED, identity, observed[None], WIDE, errors=vague, reading=reading)
    np.testing.assert_allclose(frames.turn, turn, atol=1e-4)
    np.testing.assert_allclose(frames.units, units, atol=1e-3)


def test_irises_without_trust_do_not_turn_the_eyes() -> None:
    identity, _, observed = posed(5)
    moved = observed.copy()
    moved[468:] += 6
    trust = np.ones((1, 478))
    trust[:, 468:] = 1e-9
    with_iris, without = (
        solve_frames(REDUCED, identity, points[None], head_priors(HEAD), errors=EXACT, trust=trust)
        for points in (observed, moved)
    )
    np.testing.assert_allclose(with_iris.joints, without.joints, atol=1e-3)
    assert with_iris.units.shape[1] == with_iris.stepped(np.zeros((1, UNITS.start + 52))).units.shape[1]
