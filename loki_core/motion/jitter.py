"""How restless a tracked motion is: its change from frame to frame, and the frames that stick out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.head.rotation import compose
from loki_core.motion.axes import axes_named
from loki_core.motion.clip import Motion

__all__ = ["FrameChanges", "measure_changes"]

_AROUND = 5
"""Frames whose median tells where the middle one should be: up to two wrong ones side by side do not move it."""
_FACTOR = 8.0
"""An outlier is this many times further from that median than the clip's frames usually are."""
_LEAST_TURN = 1.5
"""Degrees below which no head is an outlier."""
_LEAST_SHIFT = 0.01
"""Metres; the same for its place."""
_LEAST_EXPRESSION = 0.03
"""The same for the expression, root mean square over its axes."""
_LIDS = ("eyeBlink", "eyeSquint", "eyeLookDown")
"""Axes that a blink moves faster than anything else does; they are no sign of a mistake."""


@dataclass(frozen=True, eq=False)
class FrameChanges:
    """Every frame against the one before it; 0 in the first, and where either shows no face."""

    head: Float[Tensor, "T"]
    """Degrees that the head turns."""
    expression: Float[Tensor, "T"]
    """Root mean square over the axes but those of the lids."""
    outliers: Bool[Tensor, "T"]
    """Frames with a face that stick out of those around them."""


def measure_changes(motion: Motion, head: HeadModel) -> FrameChanges:
    """Measure a motion as it is: what has been smoothed changes less."""
    seen = (motion.confidence > 0).numpy()
    turns = Rotation.from_rotvec(compose(motion.global_orient, motion.neck_pose).numpy())
    expression = _without_lids(motion, head)
    steps = np.degrees((turns[:-1].inv() * turns[1:]).magnitude()) if len(seen) > 1 else np.empty(0)
    both = seen & np.concatenate([[False], seen[:-1]])
    return FrameChanges(
        head=torch.from_numpy(np.concatenate([[0.0], steps]) * both).float(),
        expression=torch.from_numpy(_size(np.diff(expression, axis=0, prepend=expression[:1])) * both).float(),
        outliers=torch.from_numpy(_stick_out(turns, motion.translation.numpy().astype(np.float64), expression, seen)),
    )


def _without_lids(motion: Motion, head: HeadModel) -> Float[np.ndarray, "T K"]:
    lids = torch.stack([axes_named(head, prefix) for prefix in _LIDS]).any(0)
    return motion.expression[:, ~lids].numpy().astype(np.float64)


def _stick_out(
    turns: Rotation, places: Float[np.ndarray, "T 3"], expression: Float[np.ndarray, "T K"], seen: Bool[np.ndarray, "T"]
) -> Bool[np.ndarray, "T"]:
    """Frames far from the median of those around them, as far as these show a face."""
    from_first = np.degrees((turns[0].inv() * turns).as_rotvec())  # so that medians can be taken by channel
    far = np.zeros(len(seen), dtype=bool)
    turned, shifted = (np.linalg.norm(_off_median(values, seen), axis=-1) for values in (from_first, places))
    changed = _size(_off_median(expression, seen))
    for values, least in ((turned, _LEAST_TURN), (shifted, _LEAST_SHIFT), (changed, _LEAST_EXPRESSION)):
        usual = float(np.median(values[seen])) if seen.any() else 0.0
        far |= values > max(least, _FACTOR * usual)
    return far


def _off_median(values: Float[np.ndarray, "T C"], seen: Bool[np.ndarray, "T"]) -> Float[np.ndarray, "T C"]:
    """Each run of frames with a face is looked at by itself; 0 in the others."""
    from scipy.ndimage import median_filter  # only where a clip is looked at

    off = np.zeros_like(values)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(int)))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        run = values[first:stop]
        off[first:stop] = run - median_filter(run, size=(_AROUND, 1), mode="nearest")
    return off


def _size(values: Float[np.ndarray, "T C"]) -> Float[np.ndarray, "T"]:
    """Root mean square over the channels."""
    return np.linalg.norm(values, axis=-1) / max(1, values.shape[-1]) ** 0.5
