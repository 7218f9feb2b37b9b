"""How far a head is turned in a made picture, found by matching it with exact drawings of the same person.

A tracker reads a turn out of a face that merely changes: of exact pictures of 64 pixels it is 2 degrees. Here person and face
are known, and only the head's turn and place are looked for, so that the truth's own figure is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from scipy.optimize import least_squares
from torch import Tensor
from torch.nn import functional as F

from loki_core.data.portraits import Drawn, Person, draw
from loki_core.data.samples import Sample, stack_params
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, invert

__all__ = ["MatchedHead", "turned_apart"]

_STEPS = np.array([0.04] * 3 + [0.004] * 3)
"""Between drawings whose difference stands for a derivative: radians, metres. The unknowns are counted in them."""
_AROUND = np.concatenate([np.eye(6), -np.eye(6)])
_BLURS = (3.0, 1.5)
"""Standard deviation of what is matched, pixels: coarse first, so that a wide turn is found."""
_ROUNDS = 7
_ENOUGH = 1e-3
"""Relative change of what is missing, and of what is found, that ends the rounds of a blur."""
_MARGIN = 2
"""Pixels around the head that count, and around eyes, brows and mouth that do not: a face drawn badly should turn nothing."""


def turned_apart(
    head: HeadModel,
    people: Sequence[Person],
    samples: Sequence[Sample],
    made: UInt8[Tensor, "N T 3 H W"],
    targets: tuple[int, int],
) -> float:
    """Degrees that heads turn between the pictures of two targets whose pose is the same: the mean over people."""
    angles = []
    for person, sample, pictures in zip(people, samples, made, strict=True):
        first, second = (MatchedHead(head, person, sample, sample.coefficients[k]).turn(pictures[k]) for k in targets)
        angles.append(torch.rad2deg(compose(invert(first), second).norm()))
    return float(torch.stack(angles).mean())


@dataclass(frozen=True, eq=False)
class MatchedHead:
    """One target of a scene and the person whom it shows."""

    head: HeadModel
    person: Person
    sample: Sample
    params: FlameParams
    """Of the target, batch shape ()."""

    def turn(self, picture: UInt8[Tensor, "3 H W"]) -> Float[Tensor, "3"]:
        """Rotation vector, radians about the camera's axes, that turns the head of the target to how it is in the picture.

        Least squares for turn and place at once, between pictures that are blurred alike (Baker & Matthews 2004, Lucas-Kanade 20
        Years On).
        """
        seen, weights, found = _channels_last(picture), self._weights(), np.zeros(6)
        for blur in _BLURS:

            def missing(at: Float[np.ndarray, "6"], blur: float = blur) -> Float[np.ndarray, "K"]:
                apart = self._at(at[None])[0] - seen
                return (cv2.GaussianBlur(apart, (0, 0), blur) * weights).ravel()

            def changes(at: Float[np.ndarray, "6"], blur: float = blur) -> Float[np.ndarray, "K 6"]:
                drawn = [cv2.GaussianBlur(each, (0, 0), blur) for each in self._at(at + _AROUND)]
                on, back = np.stack(drawn).reshape(2, 6, *seen.shape)
                return ((on - back) / 2 * weights).reshape(6, -1).T

            found = least_squares(missing, found, changes, ftol=_ENOUGH, xtol=_ENOUGH, max_nfev=_ROUNDS).x
        return torch.from_numpy(found[:3] * _STEPS[:3]).float()

    def _at(self, offsets: Float[np.ndarray, "N 6"]) -> Float[np.ndarray, "N H W 3"]:
        """Drawings of the target, turned and moved by so many steps."""
        moved = torch.from_numpy(offsets * _STEPS).float()
        return _channels_last(_drawn(self.head, self.person, self.sample, self.params, moved).pictures)

    def _weights(self) -> Float[np.ndarray, "H W 1"]:
        """The head with a margin that it may turn into, without the features of the face."""
        drawn = _drawn(self.head, self.person, self.sample, self.params, torch.zeros(1, 6))
        head, features = (_widened(each[0]) for each in (drawn.masks, drawn.focus > 0))
        return (head & ~features).numpy().astype(np.float32)[..., None]


def _drawn(head: HeadModel, person: Person, sample: Sample, params: FlameParams, offsets: Float[Tensor, "N 6"]) -> Drawn:
    """The person turned about the camera's axes and moved along them."""
    many = stack_params([params] * len(offsets))
    moved = replace(
        many,
        global_orient=compose(offsets[:, :3], many.global_orient),
        translation=many.translation + offsets[:, 3:],
    )
    return draw(head, person, moved, sample.camera, sample.crop, size=sample.targets.shape[-1])


def _widened(mask: Bool[Tensor, "H W"]) -> Bool[Tensor, "H W"]:
    return F.max_pool2d(mask[None].float(), 2 * _MARGIN + 1, stride=1, padding=_MARGIN)[0] > 0


def _channels_last(pictures: UInt8[Tensor, "*N 3 H W"]) -> Float[np.ndarray, "*N H W 3"]:
    """As OpenCV takes them, floats."""
    return pictures.movedim(-3, -1).numpy().astype(np.float32)
