"""Bridging the frames in which the tracker lost the face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from loki_core.errors import InputError
from loki_core.motion.clip import Motion
from loki_core.motion.filters import continuous_quaternions, rotation_vectors

__all__ = ["bridge_gaps"]

_EASE = 0.4
"""Seconds to let go of the last seen face, and to meet the next."""


def bridge_gaps(motion: Motion, *, longest: float = 0.8) -> Motion:
    """Fill the frames of confidence 0, which stay marked, from the seen ones around them.

    Gaps of up to `longest` seconds are interpolated without overshoot (pchip; rotations as quaternions). In longer ones, and
    before the first and after the last seen frame, the head holds its last pose while the face eases to the clip's usual one,
    and both ease into the next seen frame. Raises `InputError` when no frame shows a face.
    """
    seen = (motion.confidence > 0).numpy()
    if not seen.any():
        raise InputError("expected at least one frame with a face, got none; choose another clip")
    if seen.all():
        return motion
    limit, ease = longest * float(motion.fps), max(_EASE * float(motion.fps), 1.0)

    def fill(vectors: Float[Tensor, "T C"], rests: bool) -> Float[Tensor, "T C"]:
        return torch.from_numpy(_fill(vectors.numpy()[seen], seen, limit, ease, rests)).float()

    def turn(vectors: Float[Tensor, "T *J 3"], rests: bool) -> Float[Tensor, "T *J 3"]:
        known = continuous_quaternions(vectors[torch.from_numpy(seen)])
        filled = _fill(known.reshape(len(known), -1), seen, limit, ease, rests)
        return rotation_vectors(filled.reshape(len(seen), -1, 4), vectors)

    return replace(
        motion,
        expression=fill(motion.expression, True),
        jaw_pose=turn(motion.jaw_pose, True),
        eye_pose=turn(motion.eye_pose, True),
        global_orient=turn(motion.global_orient, False),
        neck_pose=turn(motion.neck_pose, False),
        translation=fill(motion.translation, False),
    )


def _fill(
    known: Float[np.ndarray, "N C"], seen: Bool[np.ndarray, "T"], limit: float, ease: float, rests: bool
) -> Float[np.ndarray, "T C"]:
    """All frames from the seen ones; long gaps go through the median if the channel `rests`, else through the last pose."""
    values = np.empty((len(seen), known.shape[1]))
    values[seen] = known
    median = np.median(known, axis=0)
    between = PchipInterpolator(np.flatnonzero(seen), known) if len(known) > 1 else None
    for start, end in _gaps(seen):
        frames = np.arange(start, end)
        inner = start > 0 and end < len(seen)
        if inner and between is not None and end - start <= limit:
            values[frames] = between(frames)
            continue
        last, following = values[max(start - 1, 0)], values[min(end, len(seen) - 1)]
        before, after = (last if start > 0 else following), (following if end < len(seen) else last)
        hold = median if rests else before
        left = _smoothstep((frames - start + 1) / ease)[:, None] if start > 0 else 1.0
        ahead = _smoothstep((end - frames) / ease)[:, None] if end < len(seen) else 1.0
        values[frames] = hold + (before - hold) * (1 - left) + (after - hold) * (1 - ahead)
    return values


def _gaps(seen: Bool[np.ndarray, "T"]) -> Iterator[tuple[int, int]]:
    """First frame of each gap, and the first after it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], seen, [True]]).astype(int)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _smoothstep(share: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    s = np.clip(share, 0, 1)
    return s * s * (3 - 2 * s)
