"""Filling the frames in which the tracker lost the face, or that are not to be believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from loki_core.errors import InputError
from loki_core.motion.clip import Motion
from loki_core.motion.filters import continuous_quaternions, rotation_vectors

__all__ = ["Filling", "bridge_gaps", "fill_frames"]

Filling = Literal["hold", "interpolate", "neutral"]
"""hold: the last seen frame, which eases into the next; interpolate: from seen frame to seen frame, however far apart; neutral:
head and face ease to the frame at rest and back."""

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
    return _filled(motion, seen, longest * float(motion.fps), _usual)


def fill_frames(motion: Motion, seen: Bool[Tensor, "T"], filling: Filling, *, neutral: int) -> Motion:
    """Fill the frames that are not marked as `seen` from those that are. `neutral`: the frame in which the face is at rest.

    Before the first and after the last of them the face stays as it is there, or eases to rest. Raises `InputError` when none is
    marked.
    """
    shown = seen.numpy()
    if not shown.any():
        raise InputError("expected at least one frame with a face, got none; choose another clip")
    if shown.all():
        return motion

    def at_rest(field: str, known: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "C"]:
        value = getattr(motion, field)[neutral : neutral + 1]
        if field in ("expression", "translation"):
            return value[0].numpy().astype(np.float64)
        rest = continuous_quaternions(value).reshape(-1, 4)
        side = (rest * known[0].reshape(-1, 4)).sum(-1, keepdims=True)
        return np.where(side < 0, -rest, rest).ravel()

    limit = np.inf if filling == "interpolate" else 0.0
    return _filled(motion, shown, limit, at_rest if filling == "neutral" else lambda field, known: None)


_Rest = Callable[[str, Float[np.ndarray, "N C"]], Float[np.ndarray, "C"] | None]
"""What a field eases to in long gaps, told from its seen frames; None: it holds."""


def _usual(field: str, known: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "C"] | None:
    """The face's usual values; the head holds."""
    return np.median(known, axis=0) if field in ("expression", "jaw_pose", "eye_pose") else None


def _filled(motion: Motion, seen: Bool[np.ndarray, "T"], limit: float, rest: _Rest) -> Motion:
    """Gaps of up to `limit` frames are interpolated."""
    ease = max(_EASE * float(motion.fps), 1.0)

    def fill(field: str) -> Float[Tensor, "T C"]:
        known = getattr(motion, field).numpy()[seen]
        return torch.from_numpy(_fill(known, seen, limit, ease, rest(field, known))).float()

    def turn(field: str) -> Float[Tensor, "T *J 3"]:
        vectors = getattr(motion, field)
        known = continuous_quaternions(vectors[torch.from_numpy(seen)])
        flat = known.reshape(len(known), -1)
        filled = _fill(flat, seen, limit, ease, rest(field, flat))
        return rotation_vectors(filled.reshape(len(seen), -1, 4), vectors)

    return replace(
        motion,
        expression=fill("expression"),
        jaw_pose=turn("jaw_pose"),
        eye_pose=turn("eye_pose"),
        global_orient=turn("global_orient"),
        neck_pose=turn("neck_pose"),
        translation=fill("translation"),
    )


def _fill(
    known: Float[np.ndarray, "N C"],
    seen: Bool[np.ndarray, "T"],
    limit: float,
    ease: float,
    rest: Float[np.ndarray, "C"] | None,
) -> Float[np.ndarray, "T C"]:
    """All frames from the seen ones; long gaps go through `rest`, or through the last pose where there is none."""
    values = np.empty((len(seen), known.shape[1]))
    values[seen] = known
    between = PchipInterpolator(np.flatnonzero(seen), known) if len(known) > 1 else None
    for start, end in _gaps(seen):
        frames = np.arange(start, end)
        inner = start > 0 and end < len(seen)
        if inner and between is not None and end - start <= limit:
            values[frames] = between(frames)
            continue
        last, following = values[max(start - 1, 0)], values[min(end, len(seen) - 1)]
        before, after = (last if start > 0 else following), (following if end < len(seen) else last)
        hold = before if rest is None else rest
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
