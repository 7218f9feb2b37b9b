"""Named controls on any head: set them, read them back, and carry coefficients from head to head through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.head.controls import ARKIT_UNITS, CONTROLS, control
from loki_core.head.least_squares import bounded_least_squares
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, from_yaw_pitch_roll, invert, rotation_matrix, to_yaw_pitch_roll
from loki_core.head.units import UnitBasis

__all__ = ["apply_controls", "convert_params", "read_controls"]

Values = Mapping[str, float | Float[Tensor, "*B"]]

_NECK, _LEFT_EYE, _RIGHT_EYE = 1, 3, 4
_HEAD = ("headYaw", "headPitch", "headRoll")
_SHIFT = ("headX", "headY", "headZ")
_NECK_TURN = ("neckYaw", "neckPitch", "neckRoll")
_GAZE = ("gazeYaw", "gazePitch")
_EYES = (("eyeYawLeft", "eyePitchLeft"), ("eyeYawRight", "eyePitchRight"))
_METRES_PER_CM = 0.01


def apply_controls(head: HeadModel, units: UnitBasis, base: FlameParams, values: Values) -> FlameParams:
    """Add named controls to `base`, such as a portrait's own coefficients. Values may be batched: shapes broadcast.

    Units add `strength * units.expression`; an axis that is itself a unit stops at 1, or at the base where that lies beyond.
    Their joints turn after the base's, at most to where the unit alone would have taken them. Head, neck and gaze turn in the
    frame of the base pose; the head about the neck joint, which stays in place but for headX, headY, headZ (camera axes, cm).
    Ranges are not checked here (`check_controls` does); raises `InputError` for an unknown name.
    """
    _require_same_head(head, units)
    for name in values:
        control(name)
    base, values = _broadcast(base, values)
    strength = _column(values, ARKIT_UNITS, base)
    jaw, eyes = _turned_joints(units, base, strength)
    orient = _turned(base.global_orient, values, _HEAD, base)
    translation = base.translation + _column(values, _SHIFT, base) * _METRES_PER_CM
    if orient is not base.global_orient:
        translation = translation + _pivot_shift(head, base, orient)
    return FlameParams(
        betas=base.betas,
        expression=_added_expression(units, base, strength),
        global_orient=orient,
        neck_pose=_turned(base.neck_pose, values, _NECK_TURN, base),
        jaw_pose=jaw,
        eye_pose=_gazed(eyes, values, base),
        translation=translation,
    )


def read_controls(head: HeadModel, units: UnitBasis, params: FlameParams, base: FlameParams) -> dict[str, Float[Tensor, "*B"]]:
    """Inverse of `apply_controls`: the value of every control that leads from `base` to `params`, as far as controls reach.

    Units, between 0 and 1, by least squares over the displacement of the head; what they leave of the eyes' rotation is given to
    the eyes' own angles. Head, neck and shift are exact and may lie outside the ranges of the table; gazeYaw and gazePitch are 0.
    """
    _require_same_head(head, units)
    strength = _read_units(units, params, base)
    _, eyes = _turned_joints(units, base, strength)
    shift = params.translation - base.translation - _pivot_shift(head, base, params.global_orient)
    values = {c.name: torch.zeros_like(strength[..., 0]) for c in CONTROLS}
    _store(values, ARKIT_UNITS, strength)
    _store(values, _HEAD, to_yaw_pitch_roll(compose(invert(base.global_orient), params.global_orient)))
    _store(values, _NECK_TURN, to_yaw_pitch_roll(compose(invert(base.neck_pose), params.neck_pose)))
    _store(values, _SHIFT, shift / _METRES_PER_CM)
    for side, names in enumerate(_EYES):
        _store(values, names, to_yaw_pitch_roll(compose(invert(eyes[..., side, :]), params.eye_pose[..., side, :])))
    return values


def convert_params(
    params: FlameParams,
    source: HeadModel,
    source_units: UnitBasis,
    target: HeadModel,
    target_units: UnitBasis,
    *,
    betas: Float[Tensor, "S"] | None = None,
) -> FlameParams:
    """Carry coefficients of `source` over to `target`: expression and jaw through the units, rotations as they are.

    `betas` is the identity on `target`, None = its mean head: shapes of different bases cannot be converted. The middle between
    the eyes stays where it is in camera space, so the head stays in its picture.
    """
    batch = params.batch_shape
    rest = replace(source.neutral(batch), betas=params.betas)
    new_rest = replace(
        target.neutral(batch), betas=(torch.zeros(target.shape_count) if betas is None else betas).expand(*batch, -1)
    )
    _require_same_head(source, source_units)
    strength = _read_units(source_units, params, rest)
    posed = apply_controls(target, target_units, new_rest, dict(zip(ARKIT_UNITS, strength.unbind(-1), strict=True)))
    posed = replace(posed, global_orient=params.global_orient, neck_pose=params.neck_pose, eye_pose=params.eye_pose)
    return replace(posed, translation=_eye_middle(source, params) - _eye_middle(target, posed))


def _require_same_head(head: HeadModel, units: UnitBasis) -> None:
    if units.head != head.id:
        raise ValueError(
            f"expected the units of the head '{head.name}' ({head.hash}), got those of '{units.head.name}' ({units.head.hash})"
        )


def _broadcast(base: FlameParams, values: Values) -> tuple[FlameParams, dict[str, Tensor]]:
    """Both with the batch shape that they have together."""
    tensors = {name: torch.as_tensor(value).to(base.expression) for name, value in values.items()}
    shape = torch.broadcast_shapes(base.batch_shape, *(t.shape for t in tensors.values()))
    own = len(base.batch_shape)
    widened = {f.name: getattr(base, f.name) for f in fields(base)}
    widened = {name: t.expand(*shape, *t.shape[own:]) for name, t in widened.items()}
    return FlameParams(**widened), {name: t.expand(shape) for name, t in tensors.items()}


def _column(values: Values, names: Sequence[str], like: FlameParams) -> Float[Tensor, "*B N"]:
    """The named values side by side, 0 where there is none."""
    rest = like.expression.new_zeros(like.batch_shape)
    return torch.stack([torch.as_tensor(values.get(name, rest)) for name in names], dim=-1)


def _turned(rotation: Float[Tensor, "*B 3"], values: Values, names: Sequence[str], like: FlameParams) -> Float[Tensor, "*B 3"]:
    """After yaw, pitch and roll of those names; the rotation itself where none is given."""
    if not any(name in values for name in names):
        return rotation
    return compose(rotation, from_yaw_pitch_roll(_column(values, names, like)))


def _gazed(eyes: Float[Tensor, "*B 2 3"], values: Values, like: FlameParams) -> Float[Tensor, "*B 2 3"]:
    """The eyes after the angles for both and for each."""
    if not any(name in values for name in (*_GAZE, *_EYES[0], *_EYES[1])):
        return eyes
    gaze = _column(values, _GAZE, like)[..., None, :] + torch.stack([_column(values, names, like) for names in _EYES], dim=-2)
    return compose(eyes, from_yaw_pitch_roll(torch.nn.functional.pad(gaze, (0, 1))))


def _store(values: dict[str, Tensor], names: Sequence[str], columns: Float[Tensor, "*B N"]) -> None:
    values.update(zip(names, columns.unbind(-1), strict=False))


def _added_expression(units: UnitBasis, base: FlameParams, strength: Float[Tensor, "*B U"]) -> Float[Tensor, "*B E"]:
    return torch.minimum(base.expression + strength @ units.expression, torch.maximum(base.expression, units.ceiling))


def _turned_joints(
    units: UnitBasis, base: FlameParams, strength: Float[Tensor, "*B U"]
) -> tuple[Float[Tensor, "*B 3"], Float[Tensor, "*B 2 3"]]:
    """Jaw and eyes after the units, without overdoing what the base already does of a unit."""
    present = torch.cat([base.jaw_pose[..., None, :], base.eye_pose], dim=-2)
    squared = units.joints.square().sum((-1, -2))
    done = torch.einsum("...jc,ujc->...u", present, units.joints) / squared.clamp_min(1e-12)
    room = torch.where(squared > 0, 1 - done.clamp(0, 1), torch.inf)
    turned = compose(present, torch.einsum("...u,ujc->...jc", torch.minimum(strength, room), units.joints))
    return turned[..., 0, :], turned[..., 1:, :]


def _read_units(units: UnitBasis, params: FlameParams, base: FlameParams) -> Float[Tensor, "*B U"]:
    jaw = compose(invert(base.jaw_pose), params.jaw_pose)
    eyes = compose(invert(base.eye_pose), params.eye_pose)
    change = torch.cat([params.expression - base.expression, jaw, eyes.flatten(-2)], dim=-1)
    return bounded_least_squares(units.reading_gram, change.double() @ units.reading.T, low=0.0, high=1.0).to(change.dtype)


def _joints(head: HeadModel, betas: Float[Tensor, "*B S"], rows: Sequence[int]) -> Float[Tensor, "*B N 3"]:
    """Places of joints on the shaped, unposed head."""
    rest, by_shape = head.joint_places
    rows = list(rows)
    return rest[rows] + torch.einsum("jcs,...s->...jc", by_shape[rows], betas)


def _pivot_shift(head: HeadModel, base: FlameParams, orient: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    """Translation that keeps the neck joint in place while the head turns about its root from the base's way to `orient`."""
    root, neck = _joints(head, base.betas, (0, _NECK)).unbind(-2)
    turn = rotation_matrix(base.global_orient) - rotation_matrix(orient)
    return (turn @ (neck - root)[..., None])[..., 0]


def _eye_middle(head: HeadModel, params: FlameParams) -> Float[Tensor, "*B 3"]:
    """Middle between the posed eye joints in camera space, metres."""
    root, neck, *eyes = _joints(head, params.betas, (0, _NECK, _LEFT_EYE, _RIGHT_EYE)).unbind(-2)
    on_neck = neck + (rotation_matrix(params.neck_pose) @ ((eyes[0] + eyes[1]) / 2 - neck)[..., None])[..., 0]
    return root + (rotation_matrix(params.global_orient) @ (on_neck - root)[..., None])[..., 0] + params.translation
