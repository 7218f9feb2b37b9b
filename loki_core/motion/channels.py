"""Single curves of a motion, by the names of the controls that they answer to."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from loki_core.errors import InputError
from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.model import HeadModel
from loki_core.head.rotation import compose, to_yaw_pitch_roll
from loki_core.motion.clip import Motion

__all__ = ["channel", "channel_names"]

_HEAD = ("headYaw", "headPitch", "headRoll")
_PLACE = ("headX", "headY", "headZ")
_GAZE = ("gazeYaw", "gazePitch")
_CM = 100.0


def channel_names(head: HeadModel) -> tuple[str, ...]:
    """Head, gaze, then those axes of the expression that are named units."""
    return (*_HEAD, *_PLACE, *_GAZE, *(name for name in head.expression_names if name in ARKIT_UNITS))


def channel(motion: Motion, head: HeadModel, name: str) -> Float[Tensor, "T"]:
    """One curve in the unit of its control: degrees (head and neck together; both eyes on average), cm, shares.

    Raises `InputError` for a name that is none of `channel_names`.
    """
    if name in _HEAD:
        return to_yaw_pitch_roll(compose(motion.global_orient, motion.neck_pose))[:, _HEAD.index(name)]
    if name in _PLACE:
        return motion.translation[:, _PLACE.index(name)] * _CM
    if name in _GAZE:
        return to_yaw_pitch_roll(motion.eye_pose).mean(1)[:, _GAZE.index(name)]
    if name not in channel_names(head):
        raise InputError(f"expected one of {', '.join(channel_names(head)[:9])} and the head's other units, got '{name:.40}'")
    return motion.expression[:, head.expression_names.index(name)]
