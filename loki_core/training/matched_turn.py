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
from torch import Tensor
from torch.nn import functional as F

from loki_core.data.portraits import Drawn, Person, draw
from loki_core.data.samples import Sample, stack_params
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, invert

__all__ = ["MatchedHead", "turned_apart"]

_STEPS = torch.tensor([0.04] * 3 + [0.004] * 3)
"""Between drawings whose difference stands for a derivative: radians, metres."""
_BLURS = ((3.0, 6), (1.5, 6))
"""Standard deviation of what is matched, pixels, and rounds: coarse first, so that a wide turn is found."""
_SMALLEST = 0.02
"""Steps that one round must go for another to follow."""
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

        Levenberg-Marquardt on turn and place at once (Baker & Matthews 2004, Lucas-Kanade 20 Years On, section 4.5), on
        pictures that are blurred alike.
        """
        seen = picture.permute(1, 2, 0).numpy().astype(np.float32)
        found = np.zeros(6)
        weights = self._weights()
        for blur, rounds in _BLURS:
            now, damping = self._linearised(found, blur, weights), 1e-3
            missing = now.missing(seen)
            for _ in range(rounds):
                step = now.solve(missing, damping)
                if float(np.abs(step).max()) < _SMALLEST:
                    break
                tried = self._linearised(found + step, blur, weights)
                ahead = tried.missing(seen)
                if ahead @ ahead < missing @ missing:
                    found, now, missing, damping = found + step, tried, ahead, damping / 5
                else:
                    damping *= 10
        return torch.from_numpy(found[:3] * _STEPS[:3].numpy()).float()

    def _weights(self) -> Float[np.ndarray, "H W 1"]:
        """The head with a margin that it may turn into, without the features of the face."""
        drawn = _drawn(self.head, self.person, self.sample, self.params, torch.zeros(1, 6))
        head, features = (_widened(each[0]) for each in (drawn.masks, drawn.focus > 0))
        return (head & ~features).numpy().astype(np.float32)[..., None]

    def _linearised(self, found: Float[np.ndarray, "6"], blur: float, weights: Float[np.ndarray, "H W 1"]) -> _Linearised:
        offsets = torch.cat([torch.zeros(1, 6), -torch.eye(6), torch.eye(6)]) + torch.from_numpy(found).float()
        drawn = _drawn(self.head, self.person, self.sample, self.params, offsets * _STEPS)
        here, *around = drawn.pictures.permute(0, 2, 3, 1).numpy().astype(np.float32)
        back, on = np.stack([cv2.GaussianBlur(each, (0, 0), blur) for each in around]).reshape(2, 6, *here.shape)
        return _Linearised(here, (on - back) / 2, weights, blur)


@dataclass(frozen=True, eq=False)
class _Linearised:
    picture: Float[np.ndarray, "H W 3"]
    changes: Float[np.ndarray, "6 H W 3"]
    """By each unknown, blurred."""
    weights: Float[np.ndarray, "H W 1"]
    blur: float

    def missing(self, seen: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "K"]:
        """What is not explained."""
        apart = cv2.GaussianBlur(seen - self.picture, (0, 0), self.blur)
        return (apart * self.weights).reshape(-1)

    def solve(self, missing: Float[np.ndarray, "K"], damping: float) -> Float[np.ndarray, "6"]:
        rows = (self.changes * self.weights).reshape(6, -1)
        normal = rows @ rows.T
        ridge = damping * np.diag(np.diag(normal)) + np.eye(6)  # levels squared: nothing beside what a picture has
        return np.linalg.solve(normal + ridge, rows @ missing)


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
