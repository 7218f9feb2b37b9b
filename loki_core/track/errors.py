"""How MediaPipe's landmarks err: they slide along contours as the head turns, and they err together.

Measured on renders (presets/heads/measure_anchors.py) and kept beside the anchors. Everything is in metres at the head's
distance, right and down, in a picture that is turned so that the line through both ears is level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from loki_core.head.embedded import HEADS

__all__ = ["LandmarkErrors", "level_turn", "measured_errors", "mirrored_landmarks", "pose_features"]


_CORRELATED, _CORRELATED_OWN = 0.003, 0.002
"""Metres added to every mesh landmark's own error, between people and for one person: what the modes leave still moves
neighbours together, so that 468 of them tell less than they seem to."""
_LIP_NOISE = 0.001
_LIPS = np.array([
    0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191, 267, 269, 270, 291, 308, 310, 311,
    312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415,
])  # fmt: skip
_MESH = 468


@dataclass(frozen=True, eq=False)
class LandmarkErrors:
    """Mean error as a polynomial of the pose, and the covariance of what remains: noise^2 + modes modes^T."""

    bias: Float[np.ndarray, "K L 2"]
    """Coefficients of `pose_features`."""
    modes: Float[np.ndarray, "R L 2"]
    """Errors that landmarks share."""
    noise: Float[np.ndarray, "L 2"]
    """Standard deviation of what each landmark errs by itself."""

    def mean(self, turn: Float[np.ndarray, "B 3 3"]) -> Float[np.ndarray, "B L 2"]:
        """Expected error at a head rotation, in the levelled picture."""
        return np.tensordot(pose_features(turn), self.bias, axes=1)

    def shifted(self, misfit: Float[np.ndarray, "B L 2"]) -> LandmarkErrors:
        """With what a fit always leaves on one person (median of `misfit`, in the levelled picture) as part of the mean error."""
        bias = self.bias.copy()
        bias[0] += np.median(misfit, axis=0)  # the first feature is the constant
        return replace(self, bias=bias)

    def with_sharp_lips(self) -> LandmarkErrors:
        """Taking the lips' landmarks at their word: for a fit in which the head's pose is known."""
        modes, noise = self.modes.copy(), self.noise.copy()
        modes[:, _LIPS], noise[_LIPS] = 0, _LIP_NOISE
        return replace(self, modes=modes, noise=noise)

    def whitening(self) -> tuple[Float[np.ndarray, "D"], Float[np.ndarray, "D R"]]:
        """(d, Q) with inverse covariance diag(d) (1 - Q Q^T) diag(d), D = 2 L (Woodbury identity)."""
        d = 1 / self.noise.reshape(-1)
        scaled = self.modes.reshape(len(self.modes), len(d)).T * d[:, None]
        factor = np.linalg.cholesky(np.eye(len(self.modes)) + scaled.T @ scaled)
        return d, np.linalg.solve(factor, scaled.T).T


@lru_cache(maxsize=2)
def measured_errors(*, own: bool = False) -> LandmarkErrors:
    """The errors as measured on the embedded head; they belong to MediaPipe more than to the head, so they serve all.

    `own`: without what stays the same on one person. On renders the rest moves together; on real faces it hardly does: forehead
    and nose follow the optical flow within a pixel through a grin. So no shared errors are taken over there.
    """
    with np.load(HEADS / "anny_anchors.npz", allow_pickle=False) as file:
        bias, modes = file["bias"].astype(np.float64), file["modes"].astype(np.float64)
        noise = file["own_noise" if own else "noise"].astype(np.float64)
    noise[:_MESH] = np.hypot(noise[:_MESH], _CORRELATED_OWN if own else _CORRELATED)
    if own:
        modes = modes[:0]
    return LandmarkErrors(bias, modes, noise)


@lru_cache(maxsize=1)
def mirrored_landmarks() -> Int[np.ndarray, "L"]:
    """For each of MediaPipe's landmarks the one on the other side of the face."""
    with np.load(HEADS / "anny_anchors.npz", allow_pickle=False) as file:
        return file["mirror"].astype(np.int64)


def level_turn(turn: Float[np.ndarray, "B 3 3"]) -> Float[np.ndarray, "B 2 2"]:
    """Rotation of the picture (x right, y down) that a level head needs to become `turn`."""
    roll = np.arctan2(turn[:, 1, 0], turn[:, 0, 0])
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([c, s, -s, c], axis=-1).reshape(-1, 2, 2)


def pose_features(turn: Float[np.ndarray, "B 3 3"]) -> Float[np.ndarray, "B K"]:
    """All products of yaw and pitch up to the third power, radians, of `turn` = Rz(roll) Ry(yaw) Rx(pitch)."""
    yaw = np.arcsin((-turn[:, 2, 0]).clip(-1, 1))
    pitch = np.arctan2(turn[:, 2, 1], turn[:, 2, 2])
    return np.stack([yaw**i * pitch**j for i in range(4) for j in range(4 - i)], axis=-1)
