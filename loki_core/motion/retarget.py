"""Reenactment: a driver's motion on a portrait's face. A pure function of coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, invert, slerp
from loki_core.motion.axes import axes_named, ranged_axes
from loki_core.motion.clip import Motion
from loki_core.motion.neutral import find_neutral

__all__ = ["RetargetSettings", "retarget"]

_JAW_LIMIT = 0.6
"""Radians: about as far as a human jaw opens (35 degrees). For heads that have no jawOpen unit to say."""
_STEEPEST = 3.0
"""Most that a small movement of the driver may grow on its way to a bound: more would amplify the tracker's noise."""


@dataclass(frozen=True)
class RetargetSettings:
    """How a driver moves a portrait. Gains: 1 = as the driver, 0 = the portrait stays as it is, above 1 exaggerates."""

    absolute: float = 0.0
    """0 = relative to the neutral frame, 1 = the driver's own expression and pose (as in Loki's paper); between, blended."""
    neutral: int | None = None
    """Frame in which the driver's face is at rest; None = found by itself."""
    expression: float = 1.0
    jaw: float = 1.0
    eye_left: float = 1.0
    """The subject's left eye's rotation. Lids belong to the expression."""
    eye_right: float = 1.0
    neck: float = 1.0
    head_rotation: float = 1.0
    head_translation: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.absolute <= 1:
            raise ValueError(f"expected absolute from 0 (relative) to 1 (absolute), got {self.absolute:g}")


def retarget(driver: Motion, portrait: FlameParams, head: HeadModel, settings: RetargetSettings) -> FlameParams:
    """Carry `driver` over to `portrait` (batch shape ()): batch shape (T,), with the portrait's betas.

    Relative: rotations are portrait * inverse(neutral) * driver, so a nod stays a nod about the portrait's own ears.
    Coefficients are portrait + (driver - neutral), except that units with a range keep its ends: see `_carry`.
    The head's place is always relative to the neutral frame, in absolute mode too: see `_carry_translation`.
    """
    if driver.head != head.id:
        raise ValueError(
            f"expected a driver on the head '{head.name}' ({head.hash}), got one on '{driver.head.name}' ({driver.head.hash}); "
            "convert the motion through the named controls"
        )
    frames = driver.params()
    neutral = frames[_neutral_index(driver, head, settings)]
    eye_gain = torch.tensor([[settings.eye_left], [settings.eye_right]])
    return FlameParams(
        betas=portrait.betas.expand(driver.frame_count, -1),
        expression=_retarget_expression(frames, neutral, portrait, head, settings),
        global_orient=_turn(
            frames.global_orient, neutral.global_orient, portrait.global_orient, settings.absolute, settings.head_rotation
        ),
        neck_pose=_turn(frames.neck_pose, neutral.neck_pose, portrait.neck_pose, settings.absolute, settings.neck),
        jaw_pose=_retarget_jaw(frames, neutral, portrait, head, settings),
        eye_pose=_turn(frames.eye_pose, neutral.eye_pose, portrait.eye_pose, settings.absolute, eye_gain),
        translation=_retarget_translation(driver, neutral, portrait, settings.head_translation),
    )


def _neutral_index(driver: Motion, head: HeadModel, settings: RetargetSettings) -> int:
    if settings.neutral is None:
        return find_neutral(driver, head).index
    if not 0 <= settings.neutral < driver.frame_count:
        raise ValueError(f"expected a neutral frame from 0 to {driver.frame_count - 1}, got {settings.neutral}")
    return settings.neutral


def _turn(driver: Tensor, neutral: Tensor, portrait: Tensor, absolute: float, gain: float | Tensor) -> Tensor:
    """Rotations (..., 3): relative and absolute blended, then the way from the portrait scaled, all on the rotation manifold."""
    relative = compose(compose(portrait, invert(neutral)), driver)
    goal = slerp(relative, driver, absolute)
    return compose(portrait, gain * compose(invert(portrait), goal))


def _retarget_expression(
    driver: FlameParams, neutral: FlameParams, portrait: FlameParams, head: HeadModel, settings: RetargetSettings
) -> Float[Tensor, "T E"]:
    ranged = ranged_axes(head)
    low = torch.where(ranged, 0.0, -torch.inf)
    high = torch.where(ranged, 1.0, torch.inf)
    gain = _axis_gains(head, settings)
    return _shift(driver.expression, neutral.expression, portrait.expression, low, high, settings.absolute, gain)


def _axis_gains(head: HeadModel, settings: RetargetSettings) -> Float[Tensor, "E"]:
    """A joint's gain also holds for the units that turn it: their axes are what skinning leaves of that motion."""
    gain = torch.full((head.expression_count,), float(settings.expression))
    for joint, joint_gain in enumerate((settings.jaw, settings.eye_left, settings.eye_right)):
        gain[head.unit_joints[:, joint].any(-1)] = joint_gain
    return gain


def _retarget_jaw(
    driver: FlameParams, neutral: FlameParams, portrait: FlameParams, head: HeadModel, settings: RetargetSettings
) -> Float[Tensor, "T 3"]:
    """Opening (x) keeps closed closed; sideways motion just adds. Small angles: the components are taken one by one."""
    open_jaw = head.unit_joints[axes_named(head, "jawOpen"), 0, 0]
    low = torch.tensor([0.0, -torch.inf, -torch.inf])
    high = torch.tensor([float(open_jaw.sum()) or _JAW_LIMIT, torch.inf, torch.inf])
    gain = torch.tensor(float(settings.jaw))
    return _shift(driver.jaw_pose, neutral.jaw_pose, portrait.jaw_pose, low, high, settings.absolute, gain)


def _shift(
    driver: Float[Tensor, "T E"],
    neutral: Float[Tensor, "E"],
    portrait: Float[Tensor, "E"],
    low: Float[Tensor, "E"],
    high: Float[Tensor, "E"],
    absolute: float,
    gain: Float[Tensor, "..."],
) -> Float[Tensor, "T E"]:
    """Coefficients: relative and absolute blended, then the way from the portrait scaled, within the range.

    The range is widened to what driver and portrait themselves reach: a fit may lie a little outside.
    """
    low = torch.minimum(low, torch.minimum(portrait, driver))
    high = torch.maximum(high, torch.maximum(portrait, driver))
    goal = torch.lerp(_carry(driver, neutral, portrait, low, high), driver, absolute)
    return (portrait + gain * (goal - portrait)).clamp(low, high)


def _carry(driver: Tensor, neutral: Tensor, portrait: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """portrait + (driver - neutral), stretched on either side so that the ends of the range map to themselves.

    Plain addition would leave the eyes of a wide-eyed portrait ajar when a driver whose lids droop at rest blinks, and a mouth
    ajar when the driver's closes. Here neutral -> portrait, low -> low, high -> high, straight between, unless steeper than
    `_STEEPEST`. Unbounded axes add.
    """
    step = driver - neutral
    up = _slope(high - portrait, high - neutral)
    down = _slope(portrait - low, neutral - low)
    return (portrait + step * torch.where(step > 0, up, down)).clamp(low, high)


def _slope(rise: Tensor, run: Tensor) -> Tensor:
    steepness = (rise / run.clamp_min(1e-6)).clamp(0, _STEEPEST)
    return torch.where(torch.isinf(rise), 1.0, steepness)


def _retarget_translation(driver: Motion, neutral: FlameParams, portrait: FlameParams, gain: float) -> Float[Tensor, "T 3"]:
    """Metres added for hand-made motions, which have no camera; tracked ones by `_carry_translation`."""
    if driver.camera is None:
        return portrait.translation + gain * (driver.translation - neutral.translation)
    return _carry_translation(driver.translation, neutral.translation, portrait.translation, gain)


def _carry_translation(driver: Tensor, neutral: Tensor, portrait: Tensor, gain: float) -> Float[Tensor, "T 3"]:
    """Move and scale the portrait's head in its picture as the driver's, measured in heads: both cameras' focal lengths drop out.

    Depth is multiplied, z = z_p (z_d / z_n)^gain, so the head never comes through the camera. With u = (x, y) / -z,
    u = u_p + gain (u_d - u_n) z_n / z_p: z_n / z_p is the size of the portrait's head over the driver's at equal focal length.
    """
    depths = -torch.cat([driver, neutral[None], portrait[None]])[:, 2]
    if not (depths > 0).all():
        raise ValueError(
            f"expected heads in front of the camera (z < 0), got z up to {float(-depths.min()):g} m; track the clip again"
        )
    near, far, own = -driver[:, 2:], -neutral[2:], -portrait[2:]
    depth = own * (near / far) ** gain
    shift = gain * (driver[:, :2] / near - neutral[:2] / far) * far / own
    return torch.cat([(portrait[:2] / own + shift) * depth, -depth], dim=-1)
