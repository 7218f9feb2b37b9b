"""How far lids are closed, read from the gap between them: a fit of the whole face is too stiff to shut an eye."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from loki_core.head.model import HeadModel
from loki_core.track.solver import Frames

__all__ = ["close_lids", "lid_closure", "lid_gaps"]

_UPPER = ((386, 385, 387), (159, 158, 160))
_LOWER = ((374, 380, 373), (145, 153, 144))
_CORNERS = ((362, 263), (33, 133))
"""MediaPipe's landmarks of the subject's left eye, then the right one's."""
_SHUT = 0.06
"""Gap over the eye's width that MediaPipe reports for a shut eye: 0.05 to 0.08 on real clips, open ones have 0.2 to 0.33."""
_START, _END = 0.2, 0.8
"""Of the way from open to shut: less is the lid's following of the gaze, more counts as shut."""


def lid_gaps(landmarks: Float[np.ndarray, "T L 2"]) -> Float[np.ndarray, "T 2"]:
    """Gap between the lids over the distance of the eye's corners, left and right."""
    gaps = []
    for upper, lower, (a, b) in zip(_UPPER, _LOWER, _CORNERS, strict=True):
        gap = np.linalg.norm(landmarks[:, upper] - landmarks[:, lower], axis=-1).mean(1)
        gaps.append(gap / np.linalg.norm(landmarks[:, a] - landmarks[:, b], axis=-1))
    return np.stack(gaps, axis=1)


def lid_closure(gaps: Float[np.ndarray, "T 2"], opened: Float[np.ndarray, "2"]) -> Float[np.ndarray, "T 2"]:
    """0 for lids as open as `opened`, 1 for shut ones; rises smoothly between."""
    way = (opened - gaps) / np.maximum(opened - _SHUT, 0.02)
    x = ((way - _START) / (_END - _START)).clip(0, 1)
    return x * x * (3 - 2 * x)


def close_lids(frames: Frames, head: HeadModel, closure: Float[np.ndarray, "T 2"]) -> Frames:
    """Raise the blink units to `closure` where the fit left them lower. A head without such units stays as it is."""
    units = frames.units.copy()
    for side, name in enumerate(("eyeBlinkLeft", "eyeBlinkRight")):
        if name in head.expression_names:
            axis = head.expression_names.index(name)
            units[:, axis] = np.maximum(units[:, axis], closure[:, side])
    return replace(frames, units=units)
