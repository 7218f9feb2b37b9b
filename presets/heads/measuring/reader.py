"""Training the frame reader: ridge regression over principal components, of landmarks and of gradients around the brows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from loki_core.head.model import HeadModel
from loki_core.track.reader import FrameReader, landmark_features, strip_features
from presets.heads.measuring.renders import Renders, mirrored_units

__all__ = ["train_reader"]

_LANDMARK_AXES, _BROW_AXES = 400, 800
_RIDGE, _BROW_RIDGE = 10.0, 100.0
_ANGLES = 3
"""Yaw, pitch and roll come before the units."""


@dataclass(frozen=True, eq=False)
class _Samples:
    """What is read, and from what."""

    landmarks: Float[np.ndarray, "B D"]
    brows: Float[np.ndarray, "B G"]
    truth: Float[np.ndarray, "B U3"]


@dataclass(frozen=True, eq=False)
class _Axes:
    """Principal axes, scaled to unit variance."""

    mean: Float[np.ndarray, "D"]
    axes: Float[np.ndarray, "D K"]

    @staticmethod
    def of(values: Float[np.ndarray, "B D"], count: int) -> _Axes:
        """As many of the largest as the samples tell apart, `count` at most."""
        mean = values.mean(0)
        variance, axes = np.linalg.eigh((values - mean).T @ (values - mean) / len(values))
        kept = np.arange(len(variance))[::-1][: min(count, len(values) - 1)]
        kept = kept[variance[kept] > 1e-12 * variance[-1]]
        return _Axes(mean, axes[:, kept] / np.sqrt(variance[kept]))

    def __call__(self, values: Float[np.ndarray, "B D"]) -> Float[np.ndarray, "B K"]:
        return (values - self.mean) @ self.axes


def train_reader(
    head: HeadModel, train: Renders, test: Renders, test_people: Renders, mirror: Int[np.ndarray, "L"]
) -> FrameReader:
    """Learn from `train` and its mirror images; the spreads are those on unseen people, `test_people` each several times."""
    names = head.expression_names
    seen, reversed_ = _samples(train), _samples(_mirrored(train, names, mirror))
    landmarks = np.concatenate([seen.landmarks, reversed_.landmarks])
    brows, truth = np.concatenate([seen.brows, reversed_.brows]), np.concatenate([seen.truth, reversed_.truth])
    of_face, of_brows = _Axes.of(landmarks, _LANDMARK_AXES), _Axes.of(brows, _BROW_AXES)
    by_landmarks = _ridge(of_face(landmarks), truth, _RIDGE)
    reader = FrameReader(
        names=names,
        offset=truth.mean(0) - of_face.mean @ of_face.axes @ by_landmarks,
        by_landmarks=of_face.axes @ by_landmarks,
        by_brows=np.zeros((brows.shape[1], truth.shape[1])),
        spread=np.zeros(truth.shape[1]),
        own_spread=np.zeros(truth.shape[1]),
    )
    columns = [_ANGLES + i for i, name in enumerate(names) if name.startswith("brow")]
    both = _ridge(np.concatenate([of_face(landmarks), of_brows(brows)], axis=1), truth[:, columns], _BROW_RIDGE)
    split = of_face.axes.shape[1]
    reader.by_landmarks[:, columns] = of_face.axes @ both[:split]
    reader.by_brows[:, columns] = of_brows.axes @ both[split:]
    reader.offset[columns] = (
        truth[:, columns].mean(0) - of_face.mean @ reader.by_landmarks[:, columns] - of_brows.mean @ reader.by_brows[:, columns]
    )
    return replace(reader, spread=_missed(reader, test).std(0), own_spread=_own(_missed(reader, test_people), test_people).std(0))


def _samples(renders: Renders) -> _Samples:
    features, slope = landmark_features(renders.landmarks)
    turn = renders.turn
    yaw, pitch = np.arcsin((-turn[:, 2, 0]).clip(-1, 1)), np.arctan2(turn[:, 2, 1], turn[:, 2, 2])
    roll = np.arctan2(turn[:, 1, 0], turn[:, 0, 0]) + slope
    brows = np.stack([strip_features(strip) for strip in renders.strips])
    return _Samples(features, brows, np.column_stack([yaw, pitch, roll, renders.units]))


def _mirrored(renders: Renders, names: tuple[str, ...], mirror: Int[np.ndarray, "L"]) -> Renders:
    """The same faces in a mirror: as far as the reader looks at them."""
    params = replace(
        renders.params,
        expression=renders.params.expression[:, mirrored_units(names)],
        global_orient=renders.params.global_orient * renders.params.global_orient.new_tensor([1, -1, -1]),
    )
    return replace(
        renders, params=params, landmarks=renders.landmarks[:, mirror] * [-1, 1], strips=renders.strips[:, :, ::-1].copy()
    )


def _ridge(values: Float[np.ndarray, "B K"], truth: Float[np.ndarray, "B U"], weight: float) -> Float[np.ndarray, "K U"]:
    """Regression of the deviations from the mean; `values` have mean 0."""
    return np.linalg.solve(values.T @ values + weight * np.eye(values.shape[1]), values.T @ (truth - truth.mean(0)))


def _missed(reader: FrameReader, renders: Renders) -> Float[np.ndarray, "B U3"]:
    samples = _samples(renders)
    return reader.offset + samples.landmarks @ reader.by_landmarks + samples.brows @ reader.by_brows - samples.truth


def _own(missed: Float[np.ndarray, "B U3"], renders: Renders) -> Float[np.ndarray, "B U3"]:
    """Without each person's mean."""
    result = missed.copy()
    for who in np.unique(renders.who):
        result[renders.who == who] -= missed[renders.who == who].mean(0)
    return result
