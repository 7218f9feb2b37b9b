"""From layers to coefficients: each over what lies below it, by weight and region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from loki_core.head.arkit import apply_controls
from loki_core.head.controls import CONTROLS, control
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, invert, rotation_matrix, slerp
from loki_core.head.units import UnitBasis
from loki_core.motion.axes import ranged_axes
from loki_core.timeline.layers import Layer, Region, audible, hand_values, source_places, weights

__all__ = ["Source", "evaluate_layers", "lay_over", "unmoved"]

Source = Callable[[Layer], tuple[FlameParams, float]]
"""Gives a layer's performance on the portrait, batch shape (T,), and its frames a second over the timeline's."""

_GROUPS: Mapping[str, Region] = {control.name: control.group for control in CONTROLS if control.group != "latent"}
_NECK = 1
_UNNAMED: Region = "mouth"
"""Region of axes that are no ARKit units: principal components, which move the mouth most."""
_ROTATIONS: tuple[tuple[str, Region], ...] = (
    ("global_orient", "head"), ("neck_pose", "neck"), ("jaw_pose", "jaw"), ("eye_pose", "eyes"),
)  # fmt: skip


def evaluate_layers(
    layers: Sequence[Layer],
    source: Source,
    portrait: FlameParams,
    head: HeadModel,
    units: UnitBasis,
    frames: Float[np.ndarray, "T"],
) -> FlameParams:
    """Coefficients at `frames` of the timeline: batch shape (T,). `portrait` (batch shape ()) is what shows without any layer.

    A frame depends on nothing but itself: some frames are those of all. A layer at full weight in all regions is its source,
    bit for bit, and one at weight 0 changes no bit.
    """
    below = unmoved(portrait, len(frames))
    for layer in audible(tuple(layers)):
        below = lay_over(layer, below, source, portrait, head, units, frames)
    return below


def unmoved(portrait: FlameParams, count: int) -> FlameParams:
    """The portrait (batch shape ()) in so many frames."""
    return FlameParams(
        **{f.name: getattr(portrait, f.name).expand(count, *getattr(portrait, f.name).shape) for f in fields(portrait)}
    )


def lay_over(
    layer: Layer,
    below: FlameParams,
    source: Source,
    portrait: FlameParams,
    head: HeadModel,
    units: UnitBasis,
    frames: Float[np.ndarray, "T"],
) -> FlameParams:
    """One layer over what lies below it, in those `frames`: a step of `evaluate_layers`."""
    weight = weights(layer, frames)
    if not weight.any():
        return below
    if layer.by_hand:
        return _set_by_hand(layer, below, head, units, frames, weight)
    performed, rate = source(layer)
    arm = _arm(head, portrait)
    own = _at(performed, source_places(layer, frames, performed.batch_shape[0], rate=rate), arm)
    return _performed_over(layer, below, own, portrait, head, torch.from_numpy(weight).float(), arm)


def _set_by_hand(
    layer: Layer,
    below: FlameParams,
    head: HeadModel,
    units: UnitBasis,
    frames: Float[np.ndarray, "T"],
    weight: Float[np.ndarray, "T"],
) -> FlameParams:
    faders: Mapping[str, float] = dict(layer.regions)
    values: dict[str, float | Float[Tensor, "*B"]] = {}
    for name, column in hand_values(layer, frames).items():
        if name not in _GROUPS:  # of a network's latent space: no part of the head
            continue
        share, rest = weight * faders.get(_GROUPS[name], 1.0), control(name).default
        values[name] = torch.from_numpy(rest + share * (column - rest))
    if not values:
        return below
    changed, shown = apply_controls(head, units, below, values), torch.from_numpy(weight > 0)
    if shown.all():
        return changed
    return FlameParams(**{f.name: _where(shown, getattr(changed, f.name), getattr(below, f.name)) for f in fields(below)})


def _where(shown: Bool[Tensor, "T"], one: Float[Tensor, "T *N"], other: Float[Tensor, "T *N"]) -> Float[Tensor, "T *N"]:
    return torch.where(shown.reshape(-1, *(1,) * (one.ndim - 1)), one, other)


def _arm(head: HeadModel, portrait: FlameParams) -> Float[Tensor, "3"]:
    """From the root joint, about which poses turn, to the neck joint, about which people do; metres, head space."""
    rest, by_shape = head.joint_places
    joints = rest + by_shape @ portrait.betas
    return joints[_NECK] - joints[0]


def _at(performed: FlameParams, places: Float[np.ndarray, "T"], arm: Float[Tensor, "3"]) -> FlameParams:
    """Frames at places that may lie between two."""
    low = np.floor(places).astype(np.int64)
    share = torch.from_numpy(places - low).float()
    first = _picked(performed, low)
    if not share.any():
        return first
    second = _picked(performed, np.minimum(low + 1, performed.batch_shape[0] - 1))
    shares = {f.name: share for f in fields(first)}
    return _mixed(first, second, shares, share.expand(first.expression.shape[1], -1).T, arm)


def _picked(performed: FlameParams, index: np.ndarray) -> FlameParams:
    chosen = torch.from_numpy(index)
    return FlameParams(**{f.name: getattr(performed, f.name)[chosen] for f in fields(performed)})


def _performed_over(
    layer: Layer,
    below: FlameParams,
    own: FlameParams,
    portrait: FlameParams,
    head: HeadModel,
    weight: Float[Tensor, "T"],
    arm: Float[Tensor, "3"],
) -> FlameParams:
    faders = dict(layer.regions)
    by_axis = torch.tensor([faders.get(_GROUPS.get(name, _UNNAMED), 1.0) for name in head.expression_names])
    axes = weight[:, None] * by_axis
    shares = {name: weight * faders.get(region, 1.0) for name, region in (*_ROTATIONS, ("translation", "head"))}
    if layer.mode == "override":
        return _mixed(below, own, shares, axes, arm)
    return _added(below, own, portrait, shares, axes, ranged_axes(head), arm)


def _mixed(
    below: FlameParams, own: FlameParams, shares: dict[str, Tensor], axes: Float[Tensor, "T E"], arm: Float[Tensor, "3"]
) -> FlameParams:
    changed = {name: _turned(getattr(below, name), getattr(own, name), shares[name]) for name, _ in _ROTATIONS}
    share = shares["translation"][:, None]
    neck = torch.lerp(_neck(below, arm), _neck(own, arm), share)
    between = neck - _swing(changed["global_orient"], arm)
    return FlameParams(
        betas=below.betas,
        expression=torch.lerp(below.expression, own.expression, axes),
        translation=torch.where(share == 0, below.translation, torch.where(share == 1, own.translation, between)),
        **changed,
    )


def _neck(params: FlameParams, arm: Float[Tensor, "3"]) -> Float[Tensor, "*T 3"]:
    """Place of the neck joint but for the root joint's own, which is the same in all poses. It, not the translation, is what is
    blended: a head turns about its neck."""
    return params.translation + _swing(params.global_orient, arm)


def _swing(orient: Float[Tensor, "*T 3"], arm: Float[Tensor, "3"]) -> Float[Tensor, "*T 3"]:
    return rotation_matrix(orient) @ arm


def _turned(below: Float[Tensor, "T *J 3"], own: Float[Tensor, "T *J 3"], share: Float[Tensor, "T"]) -> Float[Tensor, "T *J 3"]:
    """Along the shorter way; exactly either one at 0 and 1, which the way there and back is not."""
    share = share.reshape(-1, *(1,) * (below.ndim - 2)).expand(below.shape[:-1])
    between = slerp(below, own, share)
    return torch.where(share[..., None] == 0, below, torch.where(share[..., None] == 1, own, between))


def _added(
    below: FlameParams,
    own: FlameParams,
    portrait: FlameParams,
    shares: dict[str, Tensor],
    axes: Float[Tensor, "T E"],
    ranged: Bool[Tensor, "E"],
    arm: Float[Tensor, "3"],
) -> FlameParams:
    """The layer's change from the portrait on top; units stay where units can be."""
    raised = below.expression + axes * (own.expression - portrait.expression)
    low, high = below.expression.clamp(max=0), below.expression.clamp(min=1)
    turned = {}
    for name, _ in _ROTATIONS:
        base, rest = getattr(below, name), getattr(portrait, name)
        share = shares[name].reshape(-1, *(1,) * (base.ndim - 1))
        change = share * compose(invert(rest).expand(base.shape), getattr(own, name))
        turned[name] = torch.where(share == 0, base, compose(base, change))
    share = shares["translation"][:, None]
    neck = _neck(below, arm) + share * (_neck(own, arm) - _neck(portrait, arm))
    return FlameParams(
        betas=below.betas,
        expression=torch.where(ranged, raised.clamp(low, high), raised),
        translation=torch.where(share == 0, below.translation, neck - _swing(turned["global_orient"], arm)),
        **turned,
    )
