"""Whether a made picture shows the pose that was asked for: the project's tracker looks at it."""

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

__all__ = ["ReadBack", "read_back"]

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


def read_back(
    pictures: UInt8[Tensor, "N 3 H W"],
    asked: Sequence[FlameParams],
    samples: Sequence[Sample],
    head: HeadModel,
    *,
    done: Callable[[], None] | None = None,
) -> ReadBack:
    """Compare what is seen in each picture with the coefficients `asked` of it (batch shape ()), in its sample's camera.

    `done` is called behind each picture.
    """
    reduced, angles, differences = reduce_head(head), [], []
    with FaceFinder() as finder:
        for picture, wanted, sample in zip(pictures, asked, samples, strict=True):
            seen = _seen(picture, finder, head, reduced)
            if seen is not None:
                angles.append(_angle(seen, wanted))
                differences.append(_hef(seen, wanted, sample, head))
            if done is not None:
                done()
    if not angles:
        return ReadBack(None, None, 0.0)
    return ReadBack(float(np.mean(angles)), float(np.mean(differences)), len(angles) / len(pictures))


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
    made = replace(wanted, expression=seen.expression, jaw_pose=seen.jaw_pose, eye_pose=seen.eye_pose)
    first, second = (Motion.of(each[None], fps=Fraction(25), head=head.id, camera=camera) for each in (made, wanted))
    return hef(first, second, head, size=_MAP_SIDE)
