"""Reading head pose and expression straight off one frame: a linear map from landmarks, and from gradients around the brows.

Learned on coloured renders of random heads (presets/heads/measure_anchors.py). It knows how MediaPipe answers to a turn or a
smile on people of all shapes, which geometry with one unknown person does not; geometry in turn knows what all frames of a
person share. MediaPipe's brow points hardly tell a raised brow from a high one, so brows are also read off the picture:
histograms of gradients, which light and colour change little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from loki_core.head.embedded import HEADS
from loki_core.track.posing import Frames
from loki_core.track.solver import Reading
from loki_core.track.warping import cut_window, window_matrix

__all__ = [
    "FrameReader", "ReadingShift", "as_one_person", "brow_features", "brow_strip", "landmark_features", "measure_shift",
    "measured_reader", "strip_features", "take_out", "turn_from_angles",
]  # fmt: skip

_CROP = 128
"""Pixels of the levelled face crop that `_STRIP` is cut from."""
_STRIP = (slice(16, 48), slice(16, 112))
"""Rows and columns of that crop that hold the brows."""
_CELL = 8
_EYE_CORNERS = (33, 263)
_MESH = 468
"""Landmarks without the irises: their mean and size place the crop."""


@dataclass(frozen=True, eq=False)
class FrameReader:
    """The linear maps. Angles: yaw, pitch and roll, radians, of Rz(roll) Ry(yaw) Rx(pitch), the roll on top of the eye line's."""

    names: tuple[str, ...]
    """ARKit units."""
    offset: Float[np.ndarray, "U3"]
    """What an all-zero input reads: angles, then units."""
    by_landmarks: Float[np.ndarray, "D U3"]
    by_brows: Float[np.ndarray, "G U3"]
    spread: Float[np.ndarray, "U3"]
    """Standard deviation of the error on unseen heads."""
    own_spread: Float[np.ndarray, "U3"]
    """The same without what stays constant for a person."""

    def see(self, picture: UInt8[np.ndarray, "H W 3"], landmarks: Float[np.ndarray, "L 2"]) -> Float[np.ndarray, "U3"]:
        """The part of a frame's reading that comes from the picture itself."""
        return brow_features(picture, landmarks) @ self.by_brows

    def read(
        self, landmarks: Float[np.ndarray, "B L 2"], seen: Float[np.ndarray, "B U3"], names: tuple[str, ...], *, own: bool = False
    ) -> Reading:
        """Read frames for a head whose expression axes are `names`; `seen` is from `see`.

        Axes that are no ARKit units stay unread, and so do those of the gaze, which the irises show better. `own`: with the
        spread of what changes within a person.
        """
        features, slope = landmark_features(landmarks)
        values = self.offset + features @ self.by_landmarks + seen
        values[:, 2] -= slope
        spread = self.own_spread if own else self.spread
        units, unit_spread = np.zeros((len(values), len(names))), np.full(len(names), np.inf)
        for i, name in enumerate(names):
            at = 3 + self.names.index(name) if name in self.names else -1
            if at >= 0 and spread[at] > 0 and not name.startswith("eyeLook"):  # 0: never moved in the renders
                units[:, i], unit_spread[i] = values[:, at], spread[at]
        return Reading(turn_from_angles(values[:, :3]), spread[[1, 0, 2]], units, unit_spread)


@dataclass(frozen=True, eq=False)
class ReadingShift:
    """What the reading of one person is off by, in all frames alike."""

    turn: Float[np.ndarray, "3"]
    """Rotation vector, camera space, radians."""
    units: Float[np.ndarray, "E"]


def as_one_person(reading: Reading, own: Reading) -> Reading:
    """Widen the spreads, so that what all frames err by alike counts once, not once a frame; `own` has the spreads without it."""
    count = len(reading.units)

    def widened(full: np.ndarray, changing: np.ndarray) -> np.ndarray:
        constant = np.where(np.isinf(full), 0.0, full**2 - np.where(np.isinf(full), 0.0, changing) ** 2).clip(0)
        return np.sqrt(changing**2 + count * constant)

    return replace(
        reading,
        turn_spread=widened(reading.turn_spread, own.turn_spread),
        unit_spread=widened(reading.unit_spread, own.unit_spread),
    )


def measure_shift(reading: Reading, frames: Frames) -> ReadingShift:
    """Median difference between what was read and what was solved with one identity."""
    turn = Rotation.from_matrix(reading.turn @ np.swapaxes(frames.turn, 1, 2)).as_rotvec()
    return ReadingShift(np.median(turn, axis=0), np.median(reading.units - frames.units, axis=0))


def take_out(shift: ReadingShift, reading: Reading) -> Reading:
    """The reading without the shift."""
    return replace(reading, turn=Rotation.from_rotvec(-shift.turn).as_matrix() @ reading.turn, units=reading.units - shift.units)


@lru_cache(maxsize=1)
def measured_reader() -> FrameReader:
    """The reader that comes with the project."""
    with np.load(HEADS / "landmark_reader.npz", allow_pickle=False) as file:
        arrays = [file[name].astype(np.float64) for name in ("offset", "by_landmarks", "by_brows", "spread", "own_spread")]
        return FrameReader(tuple(str(name) for name in file["names"]), *arrays)


def turn_from_angles(angles: Float[np.ndarray, "B 3"]) -> Float[np.ndarray, "B 3 3"]:
    """Rz(roll) Ry(yaw) Rx(pitch) of yaw, pitch, roll in radians."""
    return Rotation.from_euler("ZYX", angles[:, [2, 0, 1]]).as_matrix()


def landmark_features(landmarks: Float[np.ndarray, "B L 2"]) -> tuple[Float[np.ndarray, "B D"], Float[np.ndarray, "B"]]:
    """Landmarks without place, size and the eye line's slope, which is the second result (radians, clockwise in the picture)."""
    middle, size, slope = _frame(landmarks)
    c, s = np.cos(slope), np.sin(slope)
    level = np.stack([c, -s, s, c], axis=-1).reshape(-1, 2, 2)
    return ((landmarks - middle[:, None]) @ level / size[:, None, None]).reshape(len(landmarks), -1), slope


def brow_features(picture: UInt8[np.ndarray, "H W 3"], landmarks: Float[np.ndarray, "L 2"]) -> Float[np.ndarray, "G"]:
    """Histograms of oriented gradients of the strip across both brows."""
    return strip_features(brow_strip(picture, landmarks))


def brow_strip(picture: UInt8[np.ndarray, "H W 3"], landmarks: Float[np.ndarray, "L 2"]) -> UInt8[np.ndarray, "h w"]:
    """The strip across both brows, levelled, in grey; the face's middle is in its middle column."""
    middle, size, slope = (x[0] for x in _frame(landmarks[None]))
    matrix = window_matrix(middle, side=_CROP, scale=_CROP / (4 * size), turn=-slope)
    rows, columns = _STRIP
    matrix[:, 2] -= [columns.start, rows.start]
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    return np.asarray(cv2.cvtColor(cut_window(picture, matrix, shape), cv2.COLOR_RGB2GRAY))


def strip_features(strip: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "G"]:
    """Histograms of oriented gradients (Dalal and Triggs 2005)."""
    gradients = cv2.HOGDescriptor(strip.shape[::-1], (2 * _CELL, 2 * _CELL), (_CELL, _CELL), (_CELL, _CELL), 9)
    return np.asarray(gradients.compute(np.ascontiguousarray(strip)), dtype=np.float64).ravel()


def _frame(
    landmarks: Float[np.ndarray, "B L 2"],
) -> tuple[Float[np.ndarray, "B 2"], Float[np.ndarray, "B"], Float[np.ndarray, "B"]]:
    """Middle, root mean square radius, and slope of the eye line."""
    mesh = landmarks[:, :_MESH]
    middle = mesh.mean(1)
    size = np.sqrt(((mesh - middle[:, None]) ** 2).sum(-1).mean(1))
    right, left = (landmarks[:, corner] for corner in _EYE_CORNERS)
    return middle, size, np.arctan2(*(left - right).T[::-1])
