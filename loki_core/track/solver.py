"""Levenberg-Marquardt on landmark reprojection with priors: one identity and focal length for many frames, then frame by frame.

Unknowns of a frame are packed as `reduced` says. All terms are squares of standard deviations, so their sum is twice the
negative logarithm of the posterior. Expression units stay between 0 and a little over 1.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation

from loki_core.raster.camera import Camera
from loki_core.track.errors import LandmarkErrors, level_turn
from loki_core.track.posing import (
    Frames,
    Posed,
    frame_jacobian,
    metres_per_pixel,
    pixel_window,
    pose_landmarks,
    project_points,
    shared_jacobian,
)  # fmt: skip
from loki_core.track.reduced import JOINTS, SHIFT, TURN, UNITS, LandmarkHead, ShapedHead, shape_head

__all__ = ["Identity", "Priors", "Reading", "initial_frames", "measure_misfit", "solve_frames", "solve_identity"]

_DAMPING = 1e-3
"""First share of the diagonal that is added to the normal equations (Marquardt 1963)."""


@dataclass(frozen=True, eq=False)
class Priors:
    """What is likely before the picture is seen: Gaussian, expressed by standard deviations."""

    units: Float[np.ndarray, "E"]
    """Of each expression axis; 0 keeps it at 0."""
    ranged: Bool[np.ndarray, "E"]
    """Axes that cannot go below 0 nor above `most`."""
    sparsity: Float[np.ndarray, "E"]
    """Constant pull towards 0, per unit: many small units together are less likely than one."""
    most: float = 1.1
    shape: float = 1.0
    jaw: float = 0.03
    """Radians that the jaw turns apart from the units."""
    eyes: float = 0.1
    """Radians that an eye turns apart from the eyeLook units."""
    eye_roll: float = 0.01
    conjugate: float = 0.03
    """Radians that the two eyes' directions differ by."""
    distance: float = 0.9
    """Metres from the camera to the head, as likely more as less."""
    distance_spread: float = 0.35
    """Of its logarithm."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read off each frame directly, and its standard deviations; infinite where nothing was read."""

    turn: Float[np.ndarray, "B 3 3"]
    turn_spread: Float[np.ndarray, "3"]
    """Radians about the camera's axes."""
    units: Float[np.ndarray, "B E"]
    unit_spread: Float[np.ndarray, "E"]

    def __getitem__(self, index: slice) -> Reading:
        return replace(self, turn=self.turn[index], units=self.units[index])


@dataclass(frozen=True, eq=False)
class Identity:
    """What all frames share."""

    betas: Float[np.ndarray, "S"]
    camera: Camera


@dataclass(frozen=True, eq=False)
class _Problem:
    """What stays the same while the unknowns change."""

    head: LandmarkHead
    observed: Float[np.ndarray, "B L 2"]
    errors: LandmarkErrors
    priors: Priors
    reading: Reading | None
    trust: Float[np.ndarray, "B L"] | None


@dataclass(frozen=True, eq=False)
class _System:
    """Normal equations of each frame (N unknowns)."""

    matrix: Float[np.ndarray, "B N N"]
    right: Float[np.ndarray, "B N"]


@dataclass(frozen=True, eq=False)
class _Coupling:
    """What ties the frames to the shared unknowns (M)."""

    to_frames: Float[np.ndarray, "B N M"]
    matrix: Float[np.ndarray, "M M"]
    right: Float[np.ndarray, "M"]


def measure_misfit(
    head: LandmarkHead, identity: Identity, frames: Frames, observed: Float[np.ndarray, "B L 2"], errors: LandmarkErrors
) -> Float[np.ndarray, "B L 2"]:
    """Observed less expected landmarks, metres in the levelled picture."""
    posed = pose_landmarks(shape_head(head, identity.betas), frames)
    return _missing(observed, errors, identity.camera, posed, frames)


def initial_frames(head: ShapedHead, observed: Float[np.ndarray, "B L 2"], camera: Camera) -> Frames:
    """Closed-form start: the scaled orthographic pose that fits best (DeMenthon and Davis 1995, first step), at rest."""
    middle = head.place.mean(0)
    up = (observed - [camera.cx, camera.cy]) * [1, -1]
    centre = up.mean(1)
    rows = np.einsum("al,blc->bca", np.linalg.pinv(head.place - middle), up - centre[:, None])
    u, s, vt = np.linalg.svd(rows, full_matrices=False)
    plane = u @ vt
    turn = np.concatenate([plane, np.cross(plane[:, :1], plane[:, 1:])], axis=1)
    distance = camera.focal / s.mean(1)
    ray = np.concatenate([centre / camera.focal, -np.ones((len(centre), 1))], axis=1)
    shift = ray * distance[:, None] - turn @ (middle - head.root) - head.root
    return Frames(turn, shift, np.zeros((len(observed), 3, 3)), np.zeros((len(observed), head.place_units.shape[-1])))


def solve_frames(
    head: LandmarkHead, identity: Identity, observed: Float[np.ndarray, "B L 2"], priors: Priors, *,
    errors: LandmarkErrors, reading: Reading | None = None, trust: Float[np.ndarray, "B L"] | None = None,
    posed: Frames | None = None, steps: int = 8,
) -> Frames:  # fmt: skip
    """Pose, expression, jaw and eyes of every frame by itself, the identity known.

    `posed`: start from these and keep the head's turn and place.
    `trust`: share of its usual weight (as precision) that each landmark keeps; only for the irises, which err by themselves.
    """
    problem = _Problem(head, observed, errors, priors, reading, trust)
    shaped = shape_head(head, identity.betas)
    frames = initial_frames(shaped, observed, identity.camera) if posed is None else posed
    cost = _cost(problem, shaped, identity.camera, frames)
    damping = np.full(len(observed), _DAMPING)
    for _ in range(steps):
        system, _ = _linearise(problem, shaped, identity.camera, frames, shared=False)
        damped, _ = _hold(_damp(system, damping), frames, priors, pose=posed is not None)
        tried = _bounded(frames.stepped(np.linalg.solve(damped.matrix, damped.right[..., None])[..., 0]), priors)
        ahead = _cost(problem, shaped, identity.camera, tried)
        better = ahead <= cost
        frames, cost = _mixed(better, tried, frames), np.where(better, ahead, cost)
        damping = np.where(better, damping / 5, damping * 10)
    return frames


def solve_identity(
    head: LandmarkHead, observed: Float[np.ndarray, "B L 2"], camera: Camera, priors: Priors, *,
    errors: LandmarkErrors, reading: Reading | None = None, trust: Float[np.ndarray, "B L"] | None = None, steps: int = 20,
) -> tuple[Identity, Frames]:  # fmt: skip
    """Identity and focal length from all frames together, with their poses and expressions (bundle adjustment).

    `camera` gives the picture's size; its focal length is only the start. The frames are eliminated by the Schur complement
    (Triggs et al. 2000, 6.1).
    """
    problem = _Problem(head, observed, errors, priors, reading, trust)
    shaped = shape_head(head, np.zeros(head.shape_count))
    at_start = pose_landmarks(shaped, initial_frames(shaped, observed, camera)).points
    likely = camera.focal * priors.distance / float(np.median(-at_start[..., 2].mean(1)))
    precision = np.append(np.full(head.shape_count, priors.shape), priors.distance_spread) ** -2
    common = np.zeros(head.shape_count + 1)  # betas, logarithm of the focal length over the likely one
    frames = initial_frames(shaped, observed, replace(camera, focal=likely))

    def view(common: np.ndarray) -> Camera:
        return replace(camera, focal=likely * float(np.exp(common[-1])))

    def total_cost(common: np.ndarray, frames: Frames) -> float:
        own = _cost(problem, shape_head(head, common[:-1]), view(common), frames)
        return float(own.sum() + precision @ common**2)

    cost, damping, moved = total_cost(common, frames), _DAMPING, True
    for _ in range(steps):
        if moved:
            system, coupling = _linearise(problem, shape_head(head, common[:-1]), view(common), frames, shared=True)
        assert coupling is not None
        damped, held = _hold(_damp(system, np.full(len(observed), damping)), frames, priors)
        free = replace(coupling, to_frames=np.where(held[..., None], 0, coupling.to_frames))
        shared_step, step = _schur(damped, free, precision, common, damping)
        tried = common + shared_step, _bounded(frames.stepped(step), priors)
        ahead = total_cost(*tried)
        moved = ahead <= cost
        if moved:
            (common, frames), cost = tried, ahead
        damping = damping / 3 if moved else damping * 5
    return Identity(common[:-1], view(common)), frames


def _linearise(
    problem: _Problem, shaped: ShapedHead, camera: Camera, frames: Frames, *, shared: bool
) -> tuple[_System, _Coupling | None]:
    """Normal equations of the landmarks and the priors."""
    posed = pose_landmarks(shaped, frames)
    whitening = _Whitening.of(problem)
    level = _to_level(camera, posed, frames)
    window = level[:, None] @ pixel_window(camera, posed.points)
    missing = whitening(_missing(problem.observed, problem.errors, camera, posed, frames)[..., None])
    moved = whitening(frame_jacobian(shaped, frames, posed, window))
    prior, _ = _frame_priors(problem, frames)
    system = _System(_product(moved, moved) + prior.matrix, _product(moved, missing)[..., 0] + prior.right)
    if not shared:
        return system, None
    from_centre = (project_points(camera, posed.points) - [camera.cx, camera.cy]) @ np.swapaxes(level, 1, 2)
    reshaped = whitening(shared_jacobian(problem.head, frames, posed, window, from_centre))
    flat = [x.reshape(-1, x.shape[-1]) for x in reshaped]
    target = [x.reshape(-1) for x in missing]
    coupling = _Coupling(
        _product(moved, reshaped), flat[0].T @ flat[0] - flat[1].T @ flat[1], flat[0].T @ target[0] - flat[1].T @ target[1]
    )
    return system, coupling


def _cost(problem: _Problem, shaped: ShapedHead, camera: Camera, frames: Frames) -> Float[np.ndarray, "B"]:
    """Sum of squares of the landmarks and the priors."""
    posed = pose_landmarks(shaped, frames)
    missing = _Whitening.of(problem)(_missing(problem.observed, problem.errors, camera, posed, frames)[..., None])
    return _product(missing, missing)[:, 0, 0] + _frame_priors(problem, frames)[1]


def _missing(
    observed: Float[np.ndarray, "B L 2"], errors: LandmarkErrors, camera: Camera, posed: Posed, frames: Frames
) -> Float[np.ndarray, "B L 2"]:
    """Observed less expected landmarks, metres in the levelled picture."""
    apart = observed - project_points(camera, posed.points)
    return apart @ np.swapaxes(_to_level(camera, posed, frames), 1, 2) - errors.mean(frames.turn)


def _to_level(camera: Camera, posed: Posed, frames: Frames) -> Float[np.ndarray, "B 2 2"]:
    """Pixels to metres in the levelled picture."""
    return np.swapaxes(level_turn(frames.turn), 1, 2) * metres_per_pixel(camera, posed.points)


_Whitened = tuple[np.ndarray, np.ndarray]
"""Values scaled to standard deviations (B, D, X), and the share of them that common errors explain (B, R, X)."""


@dataclass(frozen=True, eq=False)
class _Whitening:
    own: Float[np.ndarray, "_ D 1"]
    common: Float[np.ndarray, "D R"]

    @classmethod
    def of(cls, problem: _Problem) -> _Whitening:
        own, common = problem.errors.whitening()
        weight = own[None, :, None]
        if problem.trust is not None:
            weight = weight * np.sqrt(problem.trust).repeat(2, axis=1)[..., None]
        return cls(weight, common)

    def __call__(self, values: Float[np.ndarray, "B L 2 X"]) -> _Whitened:
        scaled = values.reshape(len(values), self.own.shape[1], -1) * self.own
        return scaled, self.common.T @ scaled


def _product(a: _Whitened, b: _Whitened) -> np.ndarray:
    return np.swapaxes(a[0], 1, 2) @ b[0] - np.swapaxes(a[1], 1, 2) @ b[1]


def _frame_priors(problem: _Problem, frames: Frames) -> tuple[_System, Float[np.ndarray, "B"]]:
    """Their part of the normal equations, and their cost."""
    priors, batch = problem.priors, len(frames.units)
    joints = np.array([[priors.jaw] * 3, *[[priors.eyes, priors.eyes, priors.eye_roll]] * 2]).reshape(-1)
    units = np.where(priors.units > 0, priors.units, 1.0)
    precision = np.concatenate([np.zeros(6), joints**-2, units**-2])
    state = np.concatenate([np.zeros((batch, 6)), frames.joints.reshape(batch, 9), frames.units], axis=1)
    pull = priors.sparsity
    right = -precision * state
    right[:, UNITS] -= pull
    cost = (precision * state**2).sum(1) + 2 * frames.units @ pull
    rows = _conjugate_rows(problem.head) / priors.conjugate
    apart = state @ rows.T
    right -= apart @ rows
    cost += (apart**2).sum(1)
    if problem.reading is not None:
        read, missing = _reading_terms(problem.reading, frames)
        cost += (read * missing**2).sum(1)
        right += read * missing
        precision = precision + read
    return _System((np.diag(precision) + rows.T @ rows)[None].repeat(batch, axis=0), right), cost


def _conjugate_rows(head: LandmarkHead) -> Float[np.ndarray, "2 N"]:
    """Difference between the eyes' pitch and yaw by a frame's unknowns."""
    rows = np.zeros((2, UNITS.start + len(head.unit_turns)))
    for axis in range(2):
        rows[axis, JOINTS.start + 3 + axis], rows[axis, JOINTS.start + 6 + axis] = 1, -1
        rows[axis, UNITS] = head.unit_turns[:, 1, axis] - head.unit_turns[:, 2, axis]
    return rows


def _reading_terms(reading: Reading, frames: Frames) -> tuple[Float[np.ndarray, "N"], Float[np.ndarray, "B N"]]:
    """Precision of what was read, and how far the unknowns are from it."""
    turn = Rotation.from_matrix(reading.turn @ np.swapaxes(frames.turn, 1, 2)).as_rotvec()
    missing = np.zeros((len(turn), UNITS.start + frames.units.shape[1]))
    missing[:, TURN], missing[:, UNITS] = turn, reading.units - frames.units
    precision = np.zeros(missing.shape[1])
    precision[TURN], precision[UNITS] = reading.turn_spread**-2.0, reading.unit_spread**-2.0
    return precision, missing


def _damp(system: _System, damping: Float[np.ndarray, "B"]) -> _System:
    index = np.arange(system.matrix.shape[1])
    matrix = system.matrix.copy()
    matrix[:, index, index] *= 1 + damping[:, None]
    return replace(system, matrix=matrix)


def _hold(system: _System, frames: Frames, priors: Priors, *, pose: bool = False) -> tuple[_System, Bool[np.ndarray, "B N"]]:
    """Leave out of the step the pose, if asked, and units that want to leave through a bound; the second result marks both."""
    held = np.zeros(system.right.shape, dtype=bool)
    pull = system.right[:, UNITS]
    outward = ((frames.units <= 0) & (pull < 0)) | ((frames.units >= priors.most) & (pull > 0))
    held[:, TURN] = held[:, SHIFT] = pose
    held[:, UNITS] = (outward & priors.ranged) | (priors.units == 0)
    free = ~held
    matrix = system.matrix * (free[:, :, None] & free[:, None, :])
    index = np.arange(matrix.shape[1])
    matrix[:, index, index] += held
    return replace(system, matrix=matrix, right=system.right * free), held


def _bounded(frames: Frames, priors: Priors) -> Frames:
    units = np.where(priors.ranged, frames.units.clip(0, priors.most), frames.units)
    return replace(frames, units=units * (priors.units > 0))


def _schur(
    system: _System, coupling: _Coupling, precision: Float[np.ndarray, "M"], common: Float[np.ndarray, "M"], damping: float
) -> tuple[Float[np.ndarray, "M"], Float[np.ndarray, "B N"]]:
    """Steps of the shared unknowns and of the frames."""
    solved = np.linalg.solve(system.matrix, np.concatenate([coupling.to_frames, system.right[..., None]], axis=-1))
    per_shared, per_frame = solved[..., :-1], solved[..., -1]
    matrix = coupling.matrix + np.diag(precision)
    matrix[np.diag_indices_from(matrix)] *= 1 + damping
    matrix -= np.tensordot(coupling.to_frames, per_shared, axes=((0, 1), (0, 1)))
    right = coupling.right - precision * common - np.tensordot(coupling.to_frames, per_frame, axes=((0, 1), (0, 1)))
    shared = np.linalg.solve(matrix, right)
    return shared, per_frame - per_shared @ shared


def _mixed(taken: Bool[np.ndarray, "B"], first: Frames, second: Frames) -> Frames:
    """The first one's frames where `taken`, the second's elsewhere."""
    return Frames(*(_pick(taken, getattr(first, f.name), getattr(second, f.name)) for f in fields(Frames)))


def _pick(taken: Bool[np.ndarray, "B"], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(taken.reshape(-1, *[1] * (a.ndim - 1)), a, b)
