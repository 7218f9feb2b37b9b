"""Lids: how far they are open, how much to trust an iris behind them, and blinks that really close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from loki_core.track.posing import Frames, pose_landmarks, project_points
from loki_core.track.reduced import LandmarkHead, shape_head
from loki_core.track.solver import Identity

__all__ = ["Lids", "close_lids", "iris_trust", "lid_aperture", "measure_lids"]

_UPPER = np.array([[387, 386, 385], [160, 159, 158]])
_LOWER = np.array([[373, 374, 380], [144, 145, 153]])
_CORNERS = np.array([[263, 362], [33, 133]])
"""Landmarks of the left, then the right eye: three across either lid, and the outer and inner corner."""
_IRISES = (slice(473, 478), slice(468, 473))
_HIDDEN, _SHOWN = 0.12, 0.20
"""Apertures between which an iris comes into sight."""
_SHUT = 0.075
"""Aperture that MediaPipe gives to shut lids: people, paintings and renders alike."""
_SLACK = 0.92
"""Share of a person's usual opening below which lids count as closing."""
_LAST = 0.35
"""Share of the opening from which on the lids hurry to be quite shut: thin slits of eye look wrong, and are hard to measure."""


@dataclass(frozen=True, eq=False)
class Lids:
    """How one person's lids answer to the blink units; left eye, then right."""

    axes: tuple[int, int]
    """Expression axes of the two blinks."""
    usual: Float[np.ndarray, "2"]
    """Aperture seen over the model's without blink, while the eyes are open."""
    closing: Float[np.ndarray, "2"]
    """Strength of the blink unit at which the model's lids meet."""


def lid_aperture(landmarks: Float[np.ndarray, "B L 2"]) -> Float[np.ndarray, "B 2"]:
    """Height of the left and the right eye's opening over its width; 0.2 to 0.35 when open, 0.05 to 0.1 when shut."""
    height = np.linalg.norm(landmarks[:, _UPPER] - landmarks[:, _LOWER], axis=-1).mean(-1)
    outer, inner = landmarks[:, _CORNERS[:, 0]], landmarks[:, _CORNERS[:, 1]]
    return height / np.linalg.norm(outer - inner, axis=-1)


def iris_trust(landmarks: Float[np.ndarray, "B L 2"]) -> Float[np.ndarray, "B L"]:
    """1 for every landmark but the irises, which lose it as the lids close."""
    share = ((lid_aperture(landmarks) - _HIDDEN) / (_SHOWN - _HIDDEN)).clip(1e-4, 1)
    trust = np.ones(landmarks.shape[:2])
    for eye, iris in enumerate(_IRISES):
        trust[:, iris] = share[:, eye, None]
    return trust


def measure_lids(
    head: LandmarkHead, identity: Identity, frames: Frames, observed: Float[np.ndarray, "B L 2"], names: Sequence[str]
) -> Lids | None:
    """Measure a person's lids on frames of all kinds; None for a head without blink units."""
    if "eyeBlinkLeft" not in names:
        return None
    axes = (names.index("eyeBlinkLeft"), names.index("eyeBlinkRight"))
    ratio = lid_aperture(observed) / _open_aperture(head, identity, frames, axes)
    shaped = shape_head(head, identity.betas)
    gap = (shaped.place[_UPPER, 1] - shaped.place[_LOWER, 1]).mean(1)
    moved = np.stack(
        [shaped.place_units[_UPPER[k], 1, a] - shaped.place_units[_LOWER[k], 1, a] for k, a in enumerate(axes)]
    ).mean(1)
    return Lids(axes, np.percentile(ratio, 65, axis=0).clip(0.7, 1.4), (gap / -moved).clip(0.4, 1.0))


def close_lids(
    head: LandmarkHead, identity: Identity, frames: Frames, observed: Float[np.ndarray, "B L 2"], lids: Lids | None
) -> Frames:
    """Set the blinks from how far the lids are open: shut eyes give 1, open ones 0."""
    if lids is None:
        return frames
    opened = _open_aperture(head, identity, frames, lids.axes)
    usual = _SLACK * lids.usual * opened
    share = ((lid_aperture(observed) - _SHUT) / (usual - _SHUT).clip(0.02)).clip(0, 1)
    units = frames.units.copy()
    units[:, list(lids.axes)] = lids.closing * (1 - share) + (1 - lids.closing) * (1 - share / _LAST).clip(0)
    return replace(frames, units=units)


def _open_aperture(head: LandmarkHead, identity: Identity, frames: Frames, axes: tuple[int, int]) -> Float[np.ndarray, "B 2"]:
    """Aperture that the fitted head would show without blinking."""
    units = frames.units.copy()
    units[:, list(axes)] = 0
    points = pose_landmarks(shape_head(head, identity.betas), replace(frames, units=units)).points
    return lid_aperture(project_points(identity.camera, points))
