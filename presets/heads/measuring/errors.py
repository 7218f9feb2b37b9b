"""How landmarks err on renders: mean by pose, what they share, and what each errs by itself."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from loki_core.head.model import HeadModel
from loki_core.track.errors import level_turn, pose_features
from presets.heads.measuring.anchors import Anchors
from presets.heads.measuring.renders import Renders, chunks, mirrored_units

__all__ = ["measure_errors"]

_MESH = 468
_MODES = 40
_OUTLIER, _OWN_OUTLIER = 0.06, 0.04
"""Metres that a landmark is off by when MediaPipe took the face for something else; and apart from what a person always errs."""
_RIDGE = 1e-5
_MIRROR = np.array([[1.0, -1.0, -1.0], [-1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])
"""A rotation's entries in the mirror."""


def measure_errors(head: HeadModel, single: Renders, people: Renders, anchors: Anchors) -> dict[str, np.ndarray]:
    """bias, modes, noise and own_noise as `LandmarkErrors` reads them. `people`: each seen several times."""
    missed = np.concatenate([_residuals(head, renders, anchors) for renders in (single, people)])
    turn = np.concatenate([single.turn, people.turn])
    features = np.concatenate([pose_features(turn), pose_features(turn * _MIRROR)])
    both = np.concatenate([missed, missed[:, anchors.mirror] * [-1, 1]])
    units = np.concatenate([single.units, people.units])
    units = np.concatenate([units, units[:, mirrored_units(head.expression_names)]])
    kept = np.abs(both[:, :_MESH]).reshape(len(both), -1).max(1) < _OUTLIER
    both, features, units = both[kept], features[kept], units[kept]
    bias, modes, noise = (np.zeros((count, *both.shape[1:])) for count in (features.shape[1], min(_MODES, len(both)), 1))
    bias[:, :_MESH] = _by_pose(features, both[:, :_MESH])
    modes[:, :_MESH], noise[0, :_MESH] = _modes(both[:, :_MESH] - np.tensordot(features, bias[:, :_MESH], axes=1))
    for side, irises in (("Right", range(_MESH, _MESH + 5)), ("Left", range(_MESH + 5, _MESH + 10))):
        shown = _eye_shown(units, head.expression_names, side)
        for iris in irises:
            bias[:, [iris]] = _by_pose(features[shown], both[shown][:, [iris]])
            left = both[shown, iris] - features[shown] @ bias[:, iris]
            noise[0, iris] = 1.48 * np.median(np.abs(left), axis=0)  # a few are far off, behind lids
    own = noise[0].copy()
    own[:_MESH] = _own_noise(people, missed[len(single) :], bias, anchors.mirror)
    return {"bias": bias, "modes": modes, "noise": noise[0], "own_noise": own}


def _residuals(head: HeadModel, renders: Renders, anchors: Anchors) -> Float[np.ndarray, "B L 2"]:
    """Seen less true landmarks, metres in the levelled picture."""
    corners, result = head.faces.numpy()[anchors.faces], np.empty(renders.landmarks.shape)
    for vertices, part in chunks(head, renders):
        points = (vertices[:, corners] * anchors.barycentrics[..., None]).sum(2)
        focal = renders.focal[part, None, None]
        pixels = focal * points[..., :2] / -points[..., 2:] * [1, -1]
        metres = -points[..., 2].mean(1)[:, None, None] / focal
        result[part] = (renders.landmarks[part] - pixels) * metres
    return result @ level_turn(renders.turn)


def _by_pose(features: Float[np.ndarray, "B K"], missed: Float[np.ndarray, "B N 2"]) -> Float[np.ndarray, "K N 2"]:
    """Least squares with a slight pull to 0 on all but the constant."""
    pull = _RIDGE * len(features) * np.eye(features.shape[1])
    pull[0, 0] = 0
    flat = missed.reshape(len(missed), -1)
    solved = np.linalg.lstsq(features.T @ features + pull, features.T @ flat, rcond=None)[0]
    return solved.reshape(-1, *missed.shape[1:])


def _modes(missed: Float[np.ndarray, "B N 2"]) -> tuple[Float[np.ndarray, "R N 2"], Float[np.ndarray, "N 2"]]:
    """Principal errors at their standard deviation, and the root mean square of the rest."""
    flat = missed.reshape(len(missed), -1)
    _, singular, axes = np.linalg.svd(flat, full_matrices=False)
    axes, singular = axes[:_MODES], singular[:_MODES]
    rest = flat - flat @ axes.T @ axes
    modes = axes * (singular / np.sqrt(len(flat)))[:, None]
    return modes.reshape(-1, *missed.shape[1:]), np.sqrt((rest**2).mean(0)).reshape(missed.shape[1:])


def _eye_shown(units: Float[np.ndarray, "B E"], names: tuple[str, ...], side: str) -> Bool[np.ndarray, "B"]:
    blink, squint = (units[:, names.index(f"{stem}{side}")] for stem in ("eyeBlink", "eyeSquint"))
    return (blink < 0.2) & (squint < 0.3)


def _own_noise(
    people: Renders, missed: Float[np.ndarray, "B L 2"], bias: Float[np.ndarray, "K L 2"], mirror: Int[np.ndarray, "L"]
) -> Float[np.ndarray, "M 2"]:
    """What each mesh landmark errs by within a person, by itself."""
    left = missed - np.tensordot(pose_features(people.turn), bias, axes=1)
    for who in np.unique(people.who):
        left[people.who == who] -= np.median(left[people.who == who], axis=0)
    both = np.concatenate([left, left[:, mirror] * [-1, 1]])[:, :_MESH]
    kept = np.abs(both).reshape(len(both), -1).max(1) < _OWN_OUTLIER
    return _modes(both[kept])[1]
