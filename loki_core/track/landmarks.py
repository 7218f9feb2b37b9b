"""MediaPipe's 478 face landmarks for pictures and for clips, and the choice among several faces.

The wheel carries its models, so this works offline. The face mesh is always run on a window around the face: small faces in
large pictures are then as precise as large ones, and the cost does not grow with the picture.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from loki_core.errors import InputError
from loki_core.track.errors import mirrored_landmarks
from loki_core.track.warping import cut_window, window_matrix

__all__ = ["LANDMARK_COUNT", "Face", "FaceFinder", "FaceFollower", "choose_face"]

LANDMARK_COUNT = 478
"""468 of the face mesh, then 5 of either iris."""

_log = logging.getLogger(__name__)

_MESH_SIDE = 512
"""Pixels that a window is shrunk to before the face mesh, which itself looks at 192 or 256."""
_WINDOW = 2.0
"""Side of the window over the larger side of the face: what the detector wants to see around it."""
_BORDER = 0.25
"""Of the larger side, around a picture in which no face was found as it is."""
_SMALLEST_TILE = 320
"""Pixels. A picture without a face, with a border too, is searched in halves, quarters... down to this, for small faces."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face found in a picture."""

    landmarks: Float[np.ndarray, "L 3"]
    """Pixels: x right, y down, z away from the camera, relative to the head's middle and rough."""
    score: float
    """The detector's, 0 to 1."""

    @property
    def size(self) -> float:
        """Larger side of the landmarks' box, pixels."""
        return float(np.ptp(self.landmarks[:, :2], axis=0).max())


@dataclass(frozen=True)
class _Box:
    """A square, pixels."""

    cx: float
    cy: float
    side: float
    score: float

    def overlaps(self, other: _Box) -> bool:
        return max(abs(self.cx - other.cx), abs(self.cy - other.cy)) < 0.5 * max(self.side, other.side)


def _extent(landmarks: Float[np.ndarray, "L 3"]) -> tuple[float, float, float]:
    """Centre (x, y) and larger side of the landmarks' bounding box, pixels."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    cx, cy = (low + high) / 2
    return float(cx), float(cy), float((high - low).max())


def choose_face(faces: Sequence[Face], face: int | None) -> Face:
    """The face with number `face`, counted from 1 from left to right; None: the largest.

    Raises `InputError` when there is no face, or no such number.
    """
    if not faces:
        raise InputError(
            "expected a picture of a human face, found none; use one in which the face is larger and seen from the front"
        )
    if face is None:
        if len(faces) > 1:
            _log.warning(
                "%d faces found, the largest is used; choose another by its number, 1 to %d from left to right", *[len(faces)] * 2
            )
        return max(faces, key=lambda f: f.size)
    if not 1 <= face <= len(faces):
        raise InputError(f"expected the number of a face from 1 to {len(faces)}, counted from left to right, got {face}")
    return faces[face - 1]


_M = TypeVar("_M", bound="_Models")


class _Models:
    """Opens MediaPipe models and closes them with the block."""

    def __init__(self) -> None:
        self._open: list[Any] = []

    def __enter__(self: _M) -> _M:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        while self._open:
            self._open.pop().close()

    def _detector(self, reach: int, score: float) -> Any:
        """0: faces within 2 m, 1: within 5 m."""
        from mediapipe.python.solutions.face_detection import FaceDetection  # takes seconds, so not before it is needed

        self._open.append(FaceDetection(model_selection=reach, min_detection_confidence=score))
        return self._open[-1]

    def _mesh(self, still: bool) -> Any:
        from mediapipe.python.solutions.face_mesh import FaceMesh

        self._open.append(FaceMesh(static_image_mode=still, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.3))
        return self._open[-1]


class FaceFinder(_Models):
    """Finds every face of a picture. Use as a context manager."""

    def __init__(self, *, min_score: float = 0.5) -> None:
        """`min_score`: what the detector must give a face. It gives dogs up to 0.3, paintings and cartoons 0.8 and more."""
        super().__init__()
        self._far = self._detector(1, min_score)
        self._still = self._mesh(True)

    def find(self, picture: UInt8[np.ndarray, "H W 3"]) -> list[Face]:
        """All faces, from left to right."""
        faces = [self._landmarks(picture, box) for box in self._boxes(picture)]
        return sorted((f for f in faces if f is not None), key=lambda f: float(f.landmarks[:, 0].mean()))

    def steady(self, picture: UInt8[np.ndarray, "H W 3"], face: Face, *, count: int = 12) -> Float[np.ndarray, "L 2"]:
        """Landmarks of one face averaged over turned, shifted, scaled and mirrored windows: their errors halve in part."""
        rng = np.random.default_rng(0)
        middle, found = face.landmarks[:, :2].mean(0), []
        for k in range(count):
            mirror = bool(k % 2)
            matrix = window_matrix(
                middle + rng.uniform(-0.06, 0.06, 2) * face.size, side=_MESH_SIDE, turn=rng.uniform(-0.2, 0.2), mirror=mirror,
                scale=_MESH_SIDE / (_WINDOW * face.size) * rng.uniform(0.85, 1.15),
            )  # fmt: skip
            window = cut_window(picture, matrix, (_MESH_SIDE, _MESH_SIDE))
            landmarks = _Window(0, 0, _MESH_SIDE).run(self._still, window)
            if landmarks is not None:
                back = (landmarks[:, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
                found.append(back[mirrored_landmarks()] if mirror else back)
        return np.mean(found, axis=0) if found else face.landmarks[:, :2]

    def _boxes(self, picture: UInt8[np.ndarray, "H W 3"]) -> list[_Box]:
        """Squares around the detected faces; each face once, the surest square of it."""
        height, width = picture.shape[:2]
        side = max(height, width)
        boxes = self._detect(picture, 0, 0) or self._framed(picture)
        while not boxes and side >= 2 * _SMALLEST_TILE:
            side //= 2
            boxes = [
                box
                for y in _tile_starts(height, side)
                for x in _tile_starts(width, side)
                for box in self._detect(picture[y : y + side, x : x + side], x, y)
            ]
        kept: list[_Box] = []
        for box in sorted(boxes, key=lambda b: -b.score):
            if not any(box.overlaps(other) for other in kept):
                kept.append(box)
        return kept

    def _framed(self, picture: UInt8[np.ndarray, "H W 3"]) -> list[_Box]:
        """With a border of the outermost pixels, for a face that fills the picture: the detector wants to see more around it."""
        border = round(_BORDER * max(picture.shape[:2]))
        framed = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)
        return self._detect(framed, -border, -border)

    def _detect(self, picture: UInt8[np.ndarray, "H W 3"], left: int, top: int) -> list[_Box]:
        height, width = picture.shape[:2]
        boxes = []
        for found in self._far.process(np.ascontiguousarray(picture)).detections or []:
            area = found.location_data.relative_bounding_box
            side = max(area.width * width, area.height * height)
            cx, cy = (area.xmin + area.width / 2) * width, (area.ymin + area.height / 2) * height
            boxes.append(_Box(left + cx, top + cy, side, float(found.score[0])))
        return boxes

    def _landmarks(self, picture: UInt8[np.ndarray, "H W 3"], box: _Box) -> Face | None:
        """Landmarks in a window around `box`, then once more in a window around those."""
        landmarks = _Window.around(box.cx, box.cy, box.side * _WINDOW).run(self._still, picture)
        if landmarks is not None:
            landmarks = _Window.on(landmarks).run(self._still, picture)
        return None if landmarks is None else Face(landmarks, box.score)


class FaceFollower(_Models):
    """Follows one face through a clip, frame by frame. Use as a context manager.

    The window stays where it is while the face is well inside: moving it would shake the landmarks.
    """

    def __init__(self) -> None:
        super().__init__()
        self._video = self._mesh(False)
        self._window: _Window | None = None

    def start(self, face: Face) -> None:
        """Follow `face` from here on."""
        self._window = _Window.on(face.landmarks)

    def follow(self, frame: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "L 3"] | None:
        """Landmarks in the next frame, as in `Face`; None when the face is lost: `start` again then."""
        if self._window is None:
            return None
        landmarks = self._window.run(self._video, frame)
        if landmarks is not None and not self._window.holds(landmarks):
            self._window = _Window.on(landmarks)
            landmarks = self._window.run(self._video, frame)
        if landmarks is None:
            self._window = None
        return landmarks


@dataclass(frozen=True)
class _Window:
    """A square cut of a picture, whole pixels; beyond the border it is black."""

    left: int
    top: int
    side: int

    @staticmethod
    def around(cx: float, cy: float, side: float) -> _Window:
        whole = max(round(side), 8)
        return _Window(round(cx - whole / 2), round(cy - whole / 2), whole)

    @staticmethod
    def on(landmarks: Float[np.ndarray, "L 3"]) -> _Window:
        cx, cy, side = _extent(landmarks)
        return _Window.around(cx, cy, side * _WINDOW)

    def holds(self, landmarks: Float[np.ndarray, "L 3"]) -> bool:
        """Whether the face is near the middle and of the right size."""
        wanted = _Window.on(landmarks)
        shift = max(
            abs(wanted.left + wanted.side / 2 - self.left - self.side / 2),
            abs(wanted.top + wanted.side / 2 - self.top - self.side / 2),
        )
        return shift < 0.15 * self.side and 0.75 < wanted.side / self.side < 1.33

    def run(self, mesh: Any, picture: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "L 3"] | None:
        """Landmarks that `mesh` finds in the window, in pixels of the picture."""
        found = mesh.process(self._cut(picture)).multi_face_landmarks
        if not found:
            return None
        share = np.array([(p.x, p.y, p.z) for p in found[0].landmark])
        return share * self.side + [self.left, self.top, 0]

    def _cut(self, picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "S S 3"]:
        height, width = picture.shape[:2]
        x0, y0, x1, y1 = self.left, self.top, self.left + self.side, self.top + self.side
        inside = picture[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        pad = (max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0))
        cut = cv2.copyMakeBorder(inside, *pad, borderType=cv2.BORDER_CONSTANT) if any(pad) else inside
        if self.side > _MESH_SIDE:
            return cv2.resize(cut, (_MESH_SIDE, _MESH_SIDE), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(cut)


def _tile_starts(length: int, side: int) -> list[int]:
    """Starts of half-overlapping tiles that cover `length` pixels."""
    last = max(length - side, 0)
    count = 1 + -(-2 * last // side)
    return [round(start) for start in np.linspace(0, last, count)] if last else [0]
