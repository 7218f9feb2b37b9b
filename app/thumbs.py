"""Small pictures of a driver's face, kept while its clip is tracked, and drawn where there is no clip."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from loki_core.head.model import HeadModel
from loki_core.motion.clip import Motion
from loki_core.raster.camera import Camera, head_crop, project
from loki_core.raster.driver_map import pose_and_deform
from loki_core.raster.preview import draw_preview

__all__ = ["Thumbs", "cut_face", "draw_driver"]

_SIDE = 72
"""Pixels."""
_MOST = 1200
"""Pictures of one clip, about two megabytes; of longer ones not every frame is kept."""
_MARGIN = 0.3
"""Of the face's larger side, around it."""
_DISTANCE = -0.6
"""Metres: where a drawn head stands before the camera."""


class Thumbs:
    """Collects the face of every frame of a clip, or of every few: what `track_clip` is to be watched by."""

    def __init__(self, frame_count: int) -> None:
        self._every = -(-max(1, frame_count) // _MOST)
        self._next = 0
        self._pictures: dict[int, UInt8[np.ndarray, "N"]] = {}
        """As JPEG."""

    def __call__(self, frame: UInt8[np.ndarray, "H W 3"], landmarks: Float[np.ndarray, "L 2"] | None) -> None:
        if landmarks is not None and self._next % self._every == 0:
            done, data = cv2.imencode(".jpg", cut_face(frame, landmarks)[..., ::-1])
            assert done
            self._pictures[self._next] = data
        self._next += 1

    def at(self, frame: int) -> UInt8[np.ndarray, "S S 3"] | None:
        """The picture of a frame, or of one that is nearer than the distance between two; None where there was no face."""
        near = min(self._pictures, key=lambda kept: abs(kept - frame), default=None)
        if near is None or abs(near - frame) >= self._every:
            return None
        picture = cv2.imdecode(self._pictures[near], cv2.IMREAD_COLOR)
        assert picture is not None
        return picture[..., ::-1]


def cut_face(picture: UInt8[np.ndarray, "H W 3"], landmarks: Float[np.ndarray, "L 2"]) -> UInt8[np.ndarray, "S S 3"]:
    """A small square with the face in its middle; black where the picture ends."""
    low, high = landmarks.min(0), landmarks.max(0)
    side = float((high - low).max()) * (1 + 2 * _MARGIN)
    left, top = (low + high) / 2 - side / 2
    scale = _SIDE / max(side, 1.0)
    place = np.array([[scale, 0, -scale * left], [0, scale, -scale * top]])
    if scale < 0.5:  # one step would skip pixels
        height, width = picture.shape[:2]
        half = cv2.resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
        place = np.array([[1, 0, -scale * left], [0, 1, -scale * top]])
        return cv2.warpAffine(half, place, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
    return cv2.warpAffine(picture, place, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)


def draw_driver(head: HeadModel, motion: Motion, frame: int) -> UInt8[np.ndarray, "S S 3"]:
    """The driver's head as its coefficients say, for motions that came without a clip."""
    params = motion.params()[frame]
    vertices, moved = pose_and_deform(head, params)
    middle = torch.tensor([0.0, 0.0, _DISTANCE]) - vertices.mean(0)
    camera = Camera(focal=4.0 * _SIDE, cx=_SIDE / 2, cy=_SIDE / 2, width=_SIDE, height=_SIDE)
    placed = vertices + middle
    crop = head_crop(project(camera, placed), margin=0.05)
    return draw_preview(head, placed, moved, camera, crop, mode="heat", size=(_SIDE, _SIDE))
