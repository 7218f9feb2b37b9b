"""Gauss-Newton on landmark reprojection with priors: one identity and focal length for many frames, then frame by frame.

Unknowns of a frame are packed as `reduced` says. Residuals are in standard deviations of what they measure: landmarks
in metres at the head's distance over their spread, coefficients over their prior's spread. Expression units stay at 0 or more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from loki_core.raster.camera import Camera
from loki_core.track.errors import LandmarkErrors, level_turn
from loki_core.track.reduced import JOINTS, SHIFT, TURN, UNITS, LandmarkHead, ShapedHead, left_jacobian, rotations, shape_head

__all__ = [
    "Frames",
    "Identity",
    "Priors",
    "initial_frames",
    "landmark_points",
    "misfit",
    "project_points",
    "solve_frames",
    "solve_identity",
]


@dataclass(frozen=True, eq=False)
class Priors:
    """What is likely before the picture is seen: Gaussian, expressed by their standard deviations."""

    units: Float[np.ndarray, "E"]
    """Of each expression axis; 0 keeps it where it is."""
    ranged: Bool[np.ndarray, "E"]
    """Axes that cannot go below 0 nor above `most`."""
    most: float = 1.1
    sparsity: float = 1.0
    """Constant pull of the ranged axes towards 0, per unit."""
    shape: float = 1.0
    jaw: float = 0.03
    """Radians that the jaw turns apart from the units."""
    eyes: float = 0.25
    eye_roll: float = 0.01
    distance: float = 0.9
    """Metres from the camera to the head, as likely more as less."""
    distance_spread: float = 0.35
    """Of its logarithm."""


@dataclass(frozen=True, eq=False)
class Frames:
    """The unknowns of B frames."""

    turn: Float[np.ndarray, "B 3 3"]
    shift: Float[np.ndarray, "B 3"]
    joints: Float[np.ndarray, "B 3 3"]
    """Jaw, left eye, right eye: axis-angle on top of what the units turn."""
    units: Float[np.ndarray, "B E"]

    def __getitem__(self, index: slice | np.ndarray) -> Frames:
        return Frames(self.turn[index], self.shift[index], self.joints[index], self.units[index])

    def total_joints(self, unit_turns: Float[np.ndarray, "E 3 3"]) -> Float[np.ndarray, "B 3 3"]:
        """Axis-angle of jaw and eyes, with the units' share."""
        return self.joints + np.einsum("be,ejk->bjk", self.units, unit_turns)


@dataclass(frozen=True, eq=False)
class Identity:
    """What all frames share."""

    betas: Float[np.ndarray, "S"]
    camera: Camera


@dataclass(frozen=True, eq=False)
class _Posed:
    """Landmarks in camera space, and what their derivatives are made of."""

    points: Float[np.ndarray, "B L 3"]
    from_root: Float[np.ndarray, "B L 3"]
    """Turned, relative to the root: what a further turn moves."""
    joint_turns: Float[np.ndarray, "B 3 3 3"]
    joint_vectors: Float[np.ndarray, "B 3 3"]
    arms: tuple[Float[np.ndarray, "B _ 3"], ...]
    """Turned by their joint, in head space."""


def landmark_points(head: ShapedHead, frames: Frames) -> Float[np.ndarray, "B L 3"]:
    """Landmarks in camera space, metres."""
    return _pose(head, frames).points


def project_points(camera: Camera, points: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 2"]:
    """Camera space to pixels: `camera.project` for numpy."""
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([camera.cx - camera.focal * x / z, camera.cy + camera.focal * y / z], axis=-1)


def _pose(head: ShapedHead, frames: Frames) -> _Posed:
    units = frames.units
    vectors = frames.total_joints(head.unit_turns)
    turns = rotations(vectors)
    root = head.root + units @ head.root_units.T
    x = head.place + _times(head.place_units, units) - root[:, None]
    arms = []
    for k, on in enumerate(head.hanging):
        arm = head.arms[k] + _times(head.arms_units[k], units)
        turned = arm @ np.swapaxes(turns[:, k], 1, 2)
        x[:, on] += turned - arm
        arms.append(turned)
    from_root = x @ np.swapaxes(frames.turn, 1, 2)
    return _Posed(from_root + (root + frames.shift)[:, None], from_root, turns, vectors, tuple(arms))


def _times(units: Float[np.ndarray, "L 3 E"], strengths: Float[np.ndarray, "B E"]) -> Float[np.ndarray, "B L 3"]:
    return (strengths @ units.reshape(-1, units.shape[-1]).T).reshape(len(strengths), -1, 3)


def _frame_jacobian(
    head: ShapedHead, frames: Frames, posed: _Posed, window: Float[np.ndarray, "B L 2 3"]
) -> Float[np.ndarray, "B L 2 N"]:
    """Derivative of the pixels by a frame's unknowns; `window` is the derivative of the pixels by the points."""
    batch, count = window.shape[:2]
    result = np.zeros((batch, count, 2, UNITS.start + head.place_units.shape[-1]))
    result[..., TURN] = np.cross(posed.from_root[:, :, None], window)  # w . (d x p) = d . (p x w)
    result[..., SHIFT] = window
    local = window @ frames.turn[:, None]  # derivative by head-space points
    result[..., UNITS] = _by_units(head, local) + (window - local) @ head.root_units
    for k, on in enumerate(head.hanging):
        part = local[:, on]
        result[:, on, :, UNITS] += (part @ (posed.joint_turns[:, k] - np.eye(3))[:, None]) @ head.arms_units[k]
        by_vector = np.cross(posed.arms[k][:, :, None], part) @ left_jacobian(posed.joint_vectors[:, k])[:, None]
        start = JOINTS.start + 3 * k
        result[:, on, :, start : start + 3] = by_vector
        result[:, on, :, UNITS] += by_vector @ head.unit_turns[:, k].T
    return result


def _by_units(head: ShapedHead, local: Float[np.ndarray, "B L 2 3"]) -> Float[np.ndarray, "B L 2 E"]:
    return local @ head.place_units


def _shared_jacobian(
    head: LandmarkHead, frames: Frames, posed: _Posed, window: Float[np.ndarray, "B L 2 3"], pixels: Float[np.ndarray, "B L 2"]
) -> Float[np.ndarray, "B L 2 M"]:
    """Derivative of the pixels (from the centre) by the betas and the logarithm of the focal length."""
    shape = slice(1, 1 + head.shape_count)
    local = window @ frames.turn[:, None]
    by_betas = local @ head.place[..., shape] + (window - local) @ head.root[:, shape]
    for k, on in enumerate(head.hanging):
        by_betas[:, on] += (local[:, on] @ (posed.joint_turns[:, k] - np.eye(3))[:, None]) @ head.arms[k][..., shape]
    return np.concatenate([by_betas, pixels[..., None]], axis=-1)


def _window(camera: Camera, points: Float[np.ndarray, "B L 3"]) -> Float[np.ndarray, "B L 2 3"]:
    """Derivative of the pixels by the camera-space points."""
    x, y, z = np.moveaxis(points, -1, 0)
    zero = np.zeros_like(x)
    rows = [-1 / z, zero, x / z**2, zero, 1 / z, -y / z**2]
    return camera.focal * np.stack(rows, axis=-1).reshape(*points.shape[:-1], 2, 3)


def _metres_per_pixel(camera: Camera, points: Float[np.ndarray, "B L 3"]) -> Float[np.ndarray, "B 1 1"]:
    return -points[..., 2].mean(1)[:, None, None] / camera.focal


def initial_frames(head: ShapedHead, observed: Float[np.ndarray, "B L 2"], camera: Camera) -> Frames:
    """Closed-form start: the scaled orthographic pose that fits best (DeMenthon and Davis 1995, first step), at rest."""
    model = head.place - head.place.mean(0)
    flipped = (observed - [camera.cx, camera.cy]) * [1, -1]
    centre = flipped.mean(1)
    rows = np.einsum("al,blc->bca", np.linalg.pinv(model), flipped - centre[:, None])
    u, s, vt = np.linalg.svd(rows, full_matrices=False)
    plane = u @ vt
    turn = np.concatenate([plane, np.cross(plane[:, :1], plane[:, 1:])], axis=1)
    distance = camera.focal / s.mean(1)
    middle = np.concatenate([centre / camera.focal, -np.ones((len(centre), 1))], axis=1) * distance[:, None]
    shift = middle - np.einsum("bij,j->bi", turn, head.place.mean(0) - head.root) - head.root
    batch, count = len(observed), head.place_units.shape[-1]
    return Frames(turn, shift, np.zeros((batch, 3, 3)), np.zeros((batch, count)))


@dataclass(frozen=True, eq=False)
class _System:
    """Normal equations of each frame (N unknowns), with their coupling to the shared unknowns (M)."""

    matrix: Float[np.ndarray, "B N N"]
    right: Float[np.ndarray, "B N"]
    coupling: Float[np.ndarray, "B N M"] | None
    shared: Float[np.ndarray, "M M"] | None
    shared_right: Float[np.ndarray, "M"] | None


def misfit(
    head: LandmarkHead, identity: Identity, frames: Frames, observed: Float[np.ndarray, "B L 2"], errors: LandmarkErrors
) -> Float[np.ndarray, "B L 2"]:
    """What the fit leaves: observed minus expected landmarks, metres in the levelled picture."""
    points = landmark_points(shape_head(head, identity.betas), frames)
    level = np.swapaxes(level_turn(frames.turn), 1, 2) * _metres_per_pixel(identity.camera, points)
    return (observed - project_points(identity.camera, points)) @ np.swapaxes(level, 1, 2) - errors.mean(frames.turn)


def _data_terms(
    head: LandmarkHead, shaped: ShapedHead, camera: Camera, frames: Frames, observed: Float[np.ndarray, "B L 2"],
    errors: LandmarkErrors, *, shared: bool,
) -> _System:  # fmt: skip
    """Normal equations of the landmarks: residuals in metres in the levelled picture, weighed by their inverse covariance."""
    posed = _pose(shaped, frames)
    window = _window(camera, posed.points)
    pixels = project_points(camera, posed.points)
    level = np.swapaxes(level_turn(frames.turn), 1, 2) * _metres_per_pixel(camera, posed.points)
    residual = (observed - pixels) @ np.swapaxes(level, 1, 2) - errors.mean(frames.turn)
    own, common = errors.whitening()

    def whiten(values: Float[np.ndarray, "B L 2 N"]) -> Float[np.ndarray, "B D N"]:
        return values.reshape(len(values), len(own), -1) * own[:, None]

    flat = whiten(residual[..., None])
    jacobian = whiten(level[:, None] @ _frame_jacobian(shaped, frames, posed, window))
    across, across_common = np.swapaxes(jacobian, 1, 2), common.T @ jacobian
    flat_common = common.T @ flat

    def weighed(by: np.ndarray, by_common: np.ndarray) -> np.ndarray:
        return across @ by - np.swapaxes(across_common, 1, 2) @ by_common

    matrix, right = weighed(jacobian, across_common), weighed(flat, flat_common)[..., 0]
    if not shared:
        return _System(matrix, right, None, None, None)
    by_shared = whiten(level[:, None] @ _shared_jacobian(head, frames, posed, window, pixels - [camera.cx, camera.cy]))
    shared_common = common.T @ by_shared
    tall, tall_common = by_shared.reshape(-1, by_shared.shape[-1]), shared_common.reshape(-1, by_shared.shape[-1])
    return _System(
        matrix, right, weighed(by_shared, shared_common), tall.T @ tall - tall_common.T @ tall_common,
        tall.T @ flat.reshape(-1) - tall_common.T @ flat_common.reshape(-1),
    )  # fmt: skip


def _frame_priors(priors: Priors, frames: Frames) -> tuple[Float[np.ndarray, "N"], Float[np.ndarray, "B N"]]:
    """Diagonal of the normal equations, and their right side, of the priors on a frame."""
    joints = np.array(
        [[priors.jaw] * 3, [priors.eyes, priors.eyes, priors.eye_roll], [priors.eyes, priors.eyes, priors.eye_roll]]
    ).reshape(-1)
    units = np.where(priors.units > 0, priors.units, 1e-3)
    diagonal = np.concatenate([np.zeros(6), joints**-2, units**-2])
    state = np.concatenate([np.zeros((len(frames.units), 6)), frames.joints.reshape(-1, 9), frames.units], axis=1)
    right = -diagonal * state
    right[:, UNITS] -= priors.sparsity * priors.ranged
    return diagonal, right


def _with_bounds(
    matrix: Float[np.ndarray, "B N N"], right: Float[np.ndarray, "B N"], frames: Frames, priors: Priors
) -> Bool[np.ndarray, "B N"]:
    """Unknowns that sit on a bound and want to leave through it: they are left out of the step."""
    held = np.zeros(right.shape, dtype=bool)
    pull = right[:, UNITS]
    low = (frames.units <= 0) & (pull < 0)
    high = (frames.units >= priors.most) & (pull > 0)
    held[:, UNITS] = ((low | high) & priors.ranged) | (priors.units == 0)
    return held


def _hold(system: _System, held: Bool[np.ndarray, "B N"]) -> _System:
    free = ~held
    matrix = system.matrix * (free[:, :, None] & free[:, None, :])
    matrix = matrix + np.eye(held.shape[1]) * (held + 1e-9)[:, None]
    coupling = None if system.coupling is None else system.coupling * free[..., None]
    return replace(system, matrix=matrix, right=system.right * free, coupling=coupling)


def _stepped(frames: Frames, step: Float[np.ndarray, "B N"], priors: Priors) -> Frames:
    units = frames.units + step[:, UNITS]
    return Frames(
        rotations(step[:, TURN]) @ frames.turn,
        frames.shift + step[:, SHIFT],
        frames.joints + step[:, JOINTS].reshape(-1, 3, 3),
        np.where(priors.ranged, units.clip(0, priors.most), units),
    )


def solve_frames(
    head: LandmarkHead, identity: Identity, observed: Float[np.ndarray, "B L 2"], priors: Priors, *,
    errors: LandmarkErrors, start: Frames | None = None, steps: int = 6,
) -> Frames:  # fmt: skip
    """Pose, expression, jaw and eyes of every frame by itself, the identity known."""
    shaped = shape_head(head, identity.betas)
    frames = initial_frames(shaped, observed, identity.camera) if start is None else start
    for _ in range(steps):
        system = _data_terms(head, shaped, identity.camera, frames, observed, errors, shared=False)
        diagonal, right = _frame_priors(priors, frames)
        system = replace(system, matrix=system.matrix + np.diag(diagonal), right=system.right + right)
        system = _hold(system, _with_bounds(system.matrix, system.right, frames, priors))
        frames = _stepped(frames, np.linalg.solve(system.matrix, system.right[..., None])[..., 0], priors)
    return frames


def solve_identity(
    head: LandmarkHead, observed: Float[np.ndarray, "B L 2"], camera: Camera, priors: Priors, *,
    errors: LandmarkErrors, steps: int = 15,
) -> tuple[Identity, Frames]:  # fmt: skip
    """Identity and focal length from all frames together, with their poses and expressions (bundle adjustment).

    `camera` gives the picture's size; its focal length is only the start. The frames are eliminated by the Schur complement
    (Triggs et al. 2000, 6.1).
    """
    betas = np.zeros(head.shape_count)
    shaped = shape_head(head, betas)
    frames = initial_frames(shaped, observed, camera)
    middle = priors.distance / float(np.median(-landmark_points(shaped, frames)[..., 2].mean(1)))
    camera = replace(camera, focal=camera.focal * middle)
    frames = replace(initial_frames(shaped, observed, camera))
    likely = np.log(camera.focal)
    spreads = np.append(np.full(len(betas), priors.shape), priors.distance_spread)
    for _ in range(steps):
        system = _data_terms(head, shaped, camera, frames, observed, errors, shared=True)
        diagonal, right = _frame_priors(priors, frames)
        system = replace(system, matrix=system.matrix + np.diag(diagonal), right=system.right + right)
        system = _hold(system, _with_bounds(system.matrix, system.right, frames, priors))
        off = np.append(betas, np.log(camera.focal) - likely)
        shared_step, step = _schur(system, spreads**-2, -off * spreads**-2)
        betas, camera = (
            betas + shared_step[:-1],
            replace(camera, focal=camera.focal * float(np.exp(np.clip(shared_step[-1], -0.2, 0.2)))),
        )
        shaped = shape_head(head, betas)
        frames = _stepped(frames, step, priors)
    return Identity(betas, camera), frames


def _schur(
    system: _System, prior: Float[np.ndarray, "M"], prior_right: Float[np.ndarray, "M"]
) -> tuple[Float[np.ndarray, "M"], Float[np.ndarray, "B N"]]:
    """Steps of the shared unknowns and of the frames."""
    assert system.coupling is not None and system.shared is not None and system.shared_right is not None
    solved = np.linalg.solve(system.matrix, np.concatenate([system.coupling, system.right[..., None]], axis=-1))
    per_shared, per_frame = solved[..., :-1], solved[..., -1]
    matrix = system.shared + np.diag(prior) - np.einsum("bnm,bnk->mk", system.coupling, per_shared)
    right = system.shared_right + prior_right - np.einsum("bnm,bn->m", system.coupling, per_frame)
    shared = np.linalg.solve(matrix, right)
    return shared, per_frame - per_shared @ shared
