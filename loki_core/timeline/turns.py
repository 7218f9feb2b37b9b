"""Keyed turns of head and neck: from key to key along the shortest way on the sphere, as one rotation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float

from loki_core.head.rotation import from_yaw_pitch_roll, slerp, to_yaw_pitch_roll
from loki_core.timeline.curves import Curve

__all__ = ["turn_together"]

_TURNS = tuple(tuple(f"{joint}{angle}" for angle in ("Yaw", "Pitch", "Roll")) for joint in ("head", "neck"))


def turn_together(
    curves: Mapping[str, Curve], values: Mapping[str, Float[np.ndarray, "T"]], frames: Float[np.ndarray, "T"]
) -> dict[str, Float[np.ndarray, "T"]]:
    """`values` with yaw, pitch and roll of each joint interpolated as one rotation (slerp), where all that are keyed have their
    keys in the same frames. How fast is what the angle that changes most says. Angles without keys keep their value."""
    result = dict(values)
    for names in _TURNS:
        keyed = [curves[name] for name in names if name in curves]
        places = {tuple(key.frame for key in curve.keys) for curve in keyed}
        if len(keyed) > 1 and len(places) == 1:
            angles = np.stack([values.get(name, np.zeros(len(frames))) for name in names], axis=1)
            turned = _turn(angles, [curves.get(name) for name in names], np.array(places.pop()), frames)
            result.update(zip(names, turned.T, strict=True))
    return result


def _turn(
    angles: Float[np.ndarray, "T 3"], curves: list[Curve | None], at: np.ndarray, frames: Float[np.ndarray, "T"]
) -> Float[np.ndarray, "T 3"]:
    """Degrees. Angles between two keys, by the way that the one which changes most has gone; those at keys stay."""
    index = np.searchsorted(at, frames, side="right") - 1
    between = (index >= 0) & (index < len(at) - 1)
    result = angles.copy()
    for segment in np.unique(index[between]):
        inside = between & (index == segment)
        ends = [
            [curve.keys[segment + end].value if curve else angles[inside][0, axis] for axis, curve in enumerate(curves)]
            for end in (0, 1)
        ]
        first, last = np.array(ends)
        leader = int(np.abs(last - first).argmax())
        if last[leader] == first[leader]:
            continue
        share = (angles[inside, leader] - first[leader]) / (last[leader] - first[leader])
        start, end = (from_yaw_pitch_roll(torch.from_numpy(x)) for x in (first, last))
        rotations = slerp(start.expand(len(share), 3), end.expand(len(share), 3), torch.from_numpy(share))
        moving = np.flatnonzero(inside)[share != 0]
        result[moving] = to_yaw_pitch_roll(rotations).numpy()[share != 0]
    return result
