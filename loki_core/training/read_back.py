"""Whether a made picture shows the pose and the face that were asked for: the project's tracker looks at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from loki_core.data.samples import Sample
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, invert
from loki_core.metrics.expression import hef
from loki_core.motion.clip import Motion
from loki_core.track.landmarks import FaceFinder
from loki_core.track.portrait import frame_params, solve_portrait
from loki_core.track.reduced import LandmarkHead, reduce_head
from loki_core.training.methods import crop_camera

__all__ = ["ReadBack", "Separation", "look", "read_back", "separation"]

_SIDE = 512
"""Pixels that a picture is enlarged to before the tracker looks for a face."""
_MAP_SIDE = 128
"""Of HEF's maps."""


@dataclass(frozen=True)
class ReadBack:
    """Means over the pictures in which a face was found; None where there was none."""

    pose_degrees: float | None
    """Angle between the head as found and as asked for: HPF without a first frame to count from."""
    hef: float | None
    found: float
    """Share of the pictures with a face that the tracker knows."""


@dataclass(frozen=True)
class Separation:
    """How far pose or face move when only the other's driver changes: means over the people seen in both pictures, or None."""

    pose_degrees: float | None
    """The head, when the expression is another's."""
    pose_people: int
    hefs: tuple[float | None, ...]
    """The face of each person, when the pose is another's: both drawn in the same pose, in HEF's units; None where one was not
    found."""

    @property
    def hef(self) -> float | None:
        """The mean over the people seen in both."""
        return _mean(self._seen)

    @property
    def hef_error(self) -> float | None:
        """The standard error of that mean."""
        return float(np.std(self._seen, ddof=1) / np.sqrt(self.hef_people)) if self.hef_people > 1 else None

    @property
    def hef_people(self) -> int:
        return len(self._seen)

    def hef_among(self, others: Separation) -> float | None:
        """The mean over those who were seen in the pictures of both methods; a slow one has those of the first people alone."""
        both = zip(self.hefs, others.hefs, strict=False)
        return _mean([own for own, other in both if own is not None and other is not None])

    @property
    def _seen(self) -> list[float]:
        return [each for each in self.hefs if each is not None]


def look(
    pictures: UInt8[Tensor, "N 3 H W"], head: HeadModel, *, done: Callable[[], None] | None = None
) -> tuple[FlameParams | None, ...]:
    """What the tracker sees in each picture, batch shape (); None where it finds no face. `done` is called behind each."""
    reduced, seen = reduce_head(head), []
    with FaceFinder() as finder:
        for picture in pictures:
            seen.append(_seen(picture, finder, head, reduced))
            if done is not None:
                done()
    return tuple(seen)


def read_back(
    seen: Sequence[FlameParams | None], asked: Sequence[FlameParams], samples: Sequence[Sample], head: HeadModel
) -> ReadBack:
    """Compare what is seen in each picture with the coefficients `asked` of it (batch shape ()), in its sample's camera."""
    angles, faces = [], []
    for each, wanted, sample in zip(seen, asked, samples, strict=True):
        if each is not None:
            angles.append(_angle(each, wanted))
            faces.append(_hef(each, wanted, sample, head))
    return ReadBack(_mean(angles), _mean(faces), len(angles) / len(seen))


def separation(
    before: Sequence[FlameParams | None],
    face_changed: Sequence[FlameParams | None],
    pose_changed: Sequence[FlameParams | None],
    samples: Sequence[Sample],
    head: HeadModel,
) -> Separation:
    """Compare what is seen of each sample's first target with its target of another's face, and with that of another's pose."""
    angles: list[float] = []
    faces: list[float | None] = []
    for first, face, pose, sample in zip(before, face_changed, pose_changed, samples, strict=True):
        if first is not None and face is not None:
            angles.append(_angle(first, face))
        if first is None or pose is None:
            faces.append(None)
        else:
            faces.append(_hef(pose, _with_face(sample.coefficients[0], first), sample, head))
    return Separation(_mean(angles), len(angles), tuple(faces))


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _seen(picture: UInt8[Tensor, "3 H W"], finder: FaceFinder, head: HeadModel, reduced: LandmarkHead) -> FlameParams | None:
    """Of the largest face; None where there is none."""
    large = cv2.resize(picture.permute(1, 2, 0).numpy(), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    faces = finder.find(large)
    if not faces:
        return None
    landmarks = finder.steady(large, max(faces, key=lambda face: face.size))
    return frame_params(reduced, *solve_portrait(large, landmarks, head, reduced))[0]


def _angle(seen: FlameParams, wanted: FlameParams) -> float:
    turns = [compose(each.global_orient.double(), each.neck_pose.double()) for each in (seen, wanted)]
    return float(torch.rad2deg(compose(invert(turns[0]), turns[1]).norm()))


def _hef(seen: FlameParams, wanted: FlameParams, sample: Sample, head: HeadModel) -> float:
    camera = crop_camera(sample.camera, sample.crop, _SIDE)
    made = _with_face(wanted, seen)
    first, second = (Motion.of(each[None], fps=Fraction(25), head=head.id, camera=camera) for each in (made, wanted))
    return hef(first, second, head, size=_MAP_SIDE)


def _with_face(params: FlameParams, face: FlameParams) -> FlameParams:
    return replace(params, expression=face.expression, jaw_pose=face.jaw_pose, eye_pose=face.eye_pose)
