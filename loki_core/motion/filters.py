"""Smoothing of motions that keeps blinks and their timing, and a measure of what it takes away: the jitter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.motion.axes import axes_named
from loki_core.motion.clip import Motion

__all__ = [
    "Jitter", "Method", "Part", "SmoothSettings", "continuous_quaternions", "measure_jitter", "one_euro", "rotation_vectors",
    "smooth", "smooth_part",
]  # fmt: skip

Method = Literal["savgol", "one_euro"]
Part = Literal["head", "expression", "gaze"]
"""head: its rotation, neck and place; gaze: the eyes' rotations and the axes that turn them; expression: the jaw and the rest."""

_POLYNOMIAL = 3
"""Order of the Savitzky-Golay fit: keeps the height of peaks that span the window."""
_HEAD_LENGTH = 0.1
"""Metres that count as one unit for the one-euro filter, so that one `beta` serves radians, units and places."""
_BLINK_RISE = 0.15
"""Units that a lid must at least close and open again to count as a blink; trackers often see a shut eye half open."""
_BLINK_NOISE = 5.0
"""A blink also rises above the lid's noise (median second difference) by this factor."""
_BLINK_SECONDS = 1.0
"""Longer closures are poses: they are smoothed, which leaves their height alone."""


@dataclass(frozen=True)
class SmoothSettings:
    """How to smooth. Neither method shifts anything in time: both look at frames before and after.

    A window is the length of the polynomial that Savitzky-Golay fits; one-euro passes 1 / (2 window) Hz while all is still.
    """

    method: Method = "savgol"
    head_window: float = 0.5
    """Seconds that a frame of the head's rotation and place is smoothed over. Longer is smoother."""
    face_window: float = 0.25
    """The same for expression, jaw and eyes, which speech moves five times a second."""
    beta: float = 2.0
    """One-euro: Hz gained per radian, unit or decimetre a second. Higher follows fast motion closer."""
    protect_blinks: bool = True


@dataclass(frozen=True, eq=False)
class Jitter:
    """What smoothing would take away, per frame."""

    rotation: Float[Tensor, "T"]
    """Degrees, of the whole head."""
    expression: Float[Tensor, "T"]
    """Root mean square over the axes."""
    translation: Float[Tensor, "T"]
    """Metres."""


def smooth(motion: Motion, head: HeadModel, settings: SmoothSettings) -> Motion:
    """Filter coefficients and, as sign-continuous quaternions, rotations. Bridge lost frames first: they are taken as seen."""
    for part in get_args(Part):
        motion = smooth_part(motion, head, part, settings)
    return motion


def smooth_part(motion: Motion, head: HeadModel, part: Part, settings: SmoothSettings) -> Motion:
    """Filter one part and leave the others as they are; each channel is filtered by itself, so the order of parts is free."""
    window = settings.head_window if part == "head" else settings.face_window
    apply = _filter_of(settings, window, float(motion.fps))
    if part == "head":
        place = motion.translation.numpy().astype(np.float64) / _HEAD_LENGTH
        return replace(
            motion,
            translation=_tensor(apply(place, True) * _HEAD_LENGTH),
            global_orient=_smooth_rotations(motion.global_orient, apply),
            neck_pose=_smooth_rotations(motion.neck_pose, apply),
        )
    gaze = axes_named(head, "eyeLook")
    axes = gaze if part == "gaze" else ~gaze
    expression = motion.expression.clone()
    if axes.any():
        expression[:, axes] = _smooth_axes(expression, head, axes, apply, settings.protect_blinks, float(motion.fps))
    if part == "gaze":
        return replace(motion, expression=expression, eye_pose=_smooth_rotations(motion.eye_pose, apply))
    return replace(motion, expression=expression, jaw_pose=_smooth_rotations(motion.jaw_pose, apply))


def measure_jitter(motion: Motion, head: HeadModel) -> Jitter:
    """Distance of every frame from the smoothed motion; blinks do not count."""
    calm = smooth(motion, head, SmoothSettings())
    raw_head, calm_head = (
        Rotation.from_rotvec(m.global_orient.numpy()) * Rotation.from_rotvec(m.neck_pose.numpy()) for m in (motion, calm)
    )
    return Jitter(
        rotation=_tensor(np.degrees((calm_head.inv() * raw_head).magnitude())),
        expression=(motion.expression - calm.expression).square().mean(-1).sqrt(),
        translation=(motion.translation - calm.translation).norm(dim=-1),
    )


def one_euro(
    values: Float[np.ndarray, "T C"], rate: float, *, min_cutoff: float, beta: float, shared: bool = False
) -> Float[np.ndarray, "T C"]:
    """The causal 1€ filter (Casiez et al. 2012, eq. 1-5; speed cutoff 1 Hz). Frequencies in Hz, `rate` in frames a second.

    `shared` takes one speed, the norm over channels, for all of them: vectors then keep their direction.
    """
    result = np.array(values)
    speed = np.zeros(values.shape[1])
    for t in range(1, len(values)):
        speed += _share(1.0, rate) * ((values[t] - values[t - 1]) * rate - speed)
        size: np.ndarray = np.asarray(np.linalg.norm(speed)) if shared else np.abs(speed)
        result[t] = result[t - 1] + _share(min_cutoff + beta * size, rate) * (values[t] - result[t - 1])
    return result


def continuous_quaternions(vectors: Float[Tensor, "T *J 3"]) -> Float[np.ndarray, "T K 4"]:
    """Unit quaternions (x, y, z, w) of K joints without the sign jumps that would break filters and interpolation."""
    frames = vectors.shape[0]
    quaternions = Rotation.from_rotvec(vectors.reshape(-1, 3).numpy()).as_quat().reshape(frames, -1, 4)
    flips = np.where((quaternions[1:] * quaternions[:-1]).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    quaternions[1:] *= np.cumprod(flips, axis=0)
    return quaternions


def rotation_vectors(quaternions: Float[np.ndarray, "T K 4"], like: Float[Tensor, "T *J 3"]) -> Float[Tensor, "T *J 3"]:
    """Axis-angle vectors, in the shape of `like`, of quaternions of any length but zero."""
    return _tensor(Rotation.from_quat(quaternions.reshape(-1, 4)).as_rotvec()).reshape(like.shape)


_Filter = Callable[[Float[np.ndarray, "T C"], bool], Float[np.ndarray, "T C"]]
"""Filters channels; the flag says whether they form one vector."""


def _filter_of(settings: SmoothSettings, window: float, rate: float) -> _Filter:
    if settings.method == "savgol":
        return lambda values, _: _savgol(values, rate, window)

    def both_ways(values: np.ndarray, shared: bool) -> np.ndarray:
        """The lag of the forward pass is the lead of the backward one."""
        forward, backward = (
            one_euro(v, rate, min_cutoff=1 / (2 * window), beta=settings.beta, shared=shared) for v in (values, values[::-1])
        )
        return (forward + backward[::-1]) / 2

    return both_ways


def _savgol(values: Float[np.ndarray, "T C"], rate: float, window: float) -> Float[np.ndarray, "T C"]:
    """Savitzky and Golay 1964; clips shorter than the window use what there is."""
    length = min(round(window * rate) // 2 * 2 + 1, (len(values) - 1) // 2 * 2 + 1)
    if length <= _POLYNOMIAL:
        return values.copy()
    from scipy.signal import savgol_filter  # half a second of the studio's start

    return savgol_filter(values, length, _POLYNOMIAL, axis=0)


def _smooth_axes(
    expression: Float[Tensor, "T E"], head: HeadModel, axes: Bool[Tensor, "E"], apply: _Filter, protect: bool, rate: float
) -> Float[Tensor, "T K"]:
    """The marked axes, filtered; lids as they were while they blink, if that is protected."""
    raw = expression.numpy().astype(np.float64)[:, axes.numpy()]
    smoothed = apply(raw, False)
    lids = axes_named(head, "eyeBlink")[axes].numpy()
    if protect:
        smoothed[:, lids] += _blink_weight(raw[:, lids], rate) * (raw - smoothed)[:, lids]
    return _tensor(smoothed)


def _smooth_rotations(vectors: Float[Tensor, "T *J 3"], apply: _Filter) -> Float[Tensor, "T *J 3"]:
    quaternions = continuous_quaternions(vectors)
    joints = [apply(2 * quaternions[:, k], True) for k in range(quaternions.shape[1])]  # a quaternion turns by half the angle
    return rotation_vectors(np.stack(joints, axis=1), vectors)


def _blink_weight(lids: Float[np.ndarray, "T K"], rate: float) -> Float[np.ndarray, "T 1"]:
    """1 from the start to the end of every blink of either lid, easing to 0 over two frames on both sides."""
    blinking = np.zeros(len(lids), dtype=bool)
    for lid in lids.T:
        blinking |= _blink_frames(lid, rate)
    ramp = np.convolve(np.pad(blinking.astype(float), 2, mode="edge"), [1, 2, 3, 2, 1], mode="valid") / 3
    return np.clip(ramp, 0, 1)[:, None] if blinking.any() else np.zeros((len(lids), 1))


def _blink_frames(lid: Float[np.ndarray, "T"], rate: float) -> Bool[np.ndarray, "T"]:
    from scipy.signal import find_peaks, peak_widths

    noise = np.median(np.abs(np.diff(lid, n=2))) if len(lid) > 2 else 0.0
    peaks, _ = find_peaks(lid, prominence=max(_BLINK_RISE, _BLINK_NOISE * noise))
    width, _, start, end = peak_widths(lid, peaks, rel_height=0.95)
    inside = np.zeros(len(lid), dtype=bool)
    for first, last in zip(start[width <= _BLINK_SECONDS * rate], end[width <= _BLINK_SECONDS * rate], strict=True):
        inside[int(np.floor(first)) : int(np.ceil(last)) + 1] = True
    return inside


def _share(cutoff: np.ndarray | float, rate: float) -> np.ndarray | float:
    """Weight of the new value in a first-order low pass: 1 / (1 + tau / Te), tau = 1 / (2 pi cutoff)."""
    return 1 / (1 + rate / (2 * np.pi * cutoff))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array).float()
