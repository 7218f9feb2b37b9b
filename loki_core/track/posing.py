"""Landmarks of a posed head and their analytic derivatives, batched over frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from loki_core.raster.camera import Camera
from loki_core.track.reduced import JOINTS, SHIFT, TURN, UNITS, LandmarkHead, ShapedHead, left_jacobian, rotations

__all__ = [
    "Frames", "Posed", "frame_jacobian", "metres_per_pixel", "pixel_window", "pose_landmarks", "project_points",
    "shared_jacobian",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Frames:
    """The unknowns of B frames."""

    turn: Float[np.ndarray, "B 3 3"]
    shift: Float[np.ndarray, "B 3"]
    """Metres."""
    joints: Float[np.ndarray, "B 3 3"]
    """Jaw, left eye, right eye: axis-angle on top of what the units turn."""
    units: Float[np.ndarray, "B E"]

    def total_joints(self, unit_turns: Float[np.ndarray, "E 3 3"]) -> Float[np.ndarray, "B 3 3"]:
        """Axis-angle of jaw and eyes, with the units' share."""
        return self.joints + np.tensordot(self.units, unit_turns, axes=1)

    def stepped(self, step: Float[np.ndarray, "B N"]) -> Frames:
        """Add a step, packed as `reduced` says."""
        return Frames(
            rotations(step[:, TURN]) @ self.turn,
            self.shift + step[:, SHIFT],
            self.joints + step[:, JOINTS].reshape(-1, 3, 3),
            self.units + step[:, UNITS],
        )


@dataclass(frozen=True, eq=False)
class Posed:
    """Landmarks in camera space, and what their derivatives are made of."""

    points: Float[np.ndarray, "B L 3"]
    from_root: Float[np.ndarray, "B L 3"]
    """Turned, relative to the root: what a further turn moves."""
    joint_turns: Float[np.ndarray, "B 3 3 3"]
    joint_vectors: Float[np.ndarray, "B 3 3"]
    arms: tuple[Float[np.ndarray, "B _ 3"], ...]
    """Turned by their joint, in head space."""


def pose_landmarks(head: ShapedHead, frames: Frames) -> Posed:
    """Linear blend skinning of the landmarks, as `LandmarkHead` writes it."""
    vectors = frames.total_joints(head.unit_turns)
    turns = rotations(vectors)
    root = head.root + frames.units @ head.root_units.T
    x = head.place + _times(head.place_units, frames.units) - root[:, None]
    arms = []
    for k, on in enumerate(head.hanging):
        arm = head.arms[k] + _times(head.arms_units[k], frames.units)
        turned = arm @ np.swapaxes(turns[:, k], 1, 2)
        x[:, on] += turned - arm
        arms.append(turned)
    from_root = x @ np.swapaxes(frames.turn, 1, 2)
    return Posed(from_root + (root + frames.shift)[:, None], from_root, turns, vectors, tuple(arms))


def _times(units: Float[np.ndarray, "L 3 E"], strengths: Float[np.ndarray, "B E"]) -> Float[np.ndarray, "B L 3"]:
    return (strengths @ units.reshape(-1, units.shape[-1]).T).reshape(len(strengths), -1, 3)


def project_points(camera: Camera, points: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 2"]:
    """Camera space to pixels: `camera.project` for numpy."""
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([camera.cx - camera.focal * x / z, camera.cy + camera.focal * y / z], axis=-1)


def pixel_window(camera: Camera, points: Float[np.ndarray, "B L 3"]) -> Float[np.ndarray, "B L 2 3"]:
    """Derivative of the pixels by the camera-space points."""
    x, y, z = np.moveaxis(points, -1, 0)
    zero = np.zeros_like(x)
    rows = [-1 / z, zero, x / z**2, zero, 1 / z, -y / z**2]
    return camera.focal * np.stack(rows, axis=-1).reshape(*points.shape[:-1], 2, 3)


def metres_per_pixel(camera: Camera, points: Float[np.ndarray, "B L 3"]) -> Float[np.ndarray, "B 1 1"]:
    """At the head's distance."""
    return -points[..., 2].mean(1)[:, None, None] / camera.focal


def frame_jacobian(
    head: ShapedHead, frames: Frames, posed: Posed, window: Float[np.ndarray, "B L 2 3"]
) -> Float[np.ndarray, "B L 2 N"]:
    """Derivative by a frame's unknowns of whatever `window` is the derivative of by the points."""
    batch, count = window.shape[:2]
    result = np.empty((batch, count, 2, UNITS.start + head.place_units.shape[-1]))
    result[..., TURN] = np.cross(posed.from_root[:, :, None], window)  # w . (d x p) = d . (p x w)
    result[..., SHIFT] = window
    result[..., JOINTS] = 0
    local = window @ frames.turn[:, None]  # derivative by head-space points
    result[..., UNITS] = local @ head.place_units + (window - local) @ head.root_units
    for k, on in enumerate(head.hanging):
        part = local[:, on]
        by_vector = np.cross(posed.arms[k][:, :, None], part) @ left_jacobian(posed.joint_vectors[:, k])[:, None]
        start = JOINTS.start + 3 * k
        result[:, on, :, start : start + 3] = by_vector
        turning = (part @ (posed.joint_turns[:, k] - np.eye(3))[:, None]) @ head.arms_units[k]
        result[:, on, :, UNITS] += turning + by_vector @ head.unit_turns[:, k].T
    return result


def shared_jacobian(
    head: LandmarkHead,
    frames: Frames,
    posed: Posed,
    window: Float[np.ndarray, "B L 2 3"],
    from_centre: Float[np.ndarray, "B L 2"],
) -> Float[np.ndarray, "B L 2 M"]:
    """The same by the betas and the logarithm of the focal length, by which the pixels from the centre grow."""
    shape = slice(1, 1 + head.shape_count)
    local = window @ frames.turn[:, None]
    by_betas = local @ head.place[..., shape] + (window - local) @ head.root[:, shape]
    for k, on in enumerate(head.hanging):
        by_betas[:, on] += (local[:, on] @ (posed.joint_turns[:, k] - np.eye(3))[:, None]) @ head.arms[k][..., shape]
    return np.concatenate([by_betas, from_centre[..., None]], axis=-1)
