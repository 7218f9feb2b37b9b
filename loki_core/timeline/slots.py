"""Pose from one performance and expression from another: two neighbouring layers, each with the other's regions faded out.

A view of the layers, nothing beside them: what is set here is told by their regions, and regions faded by hand show here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from loki_core.errors import InputError
from loki_core.timeline.layers import REGIONS, Layer, Region, with_performance
from loki_core.timeline.state import (
    StudioState,
    add_layer,
    change_layer,
    drop_layer,
    lift_layer,
    motion_layer,
    with_selected,
)

__all__ = [
    "REGIONS_OF",
    "SIDES",
    "Side",
    "Slots",
    "fill_slot",
    "free_slot",
    "leave_one",
    "sides_of",
    "slots_of",
    "sounding_layer",
]

Side = Literal["pose", "expression"]
SIDES: tuple[Side, ...] = get_args(Side)

_POSE: tuple[Region, ...] = ("head", "neck")
REGIONS_OF: Mapping[Side, tuple[Region, ...]] = MappingProxyType(
    {"pose": _POSE, "expression": tuple(region for region in REGIONS if region not in _POSE)}
)
"""What belongs to each: jaw and eyes to the expression, as in `loki_core.motion.apart`."""


@dataclass(frozen=True)
class Slots:
    """The layers that give pose and expression; one layer may give both, and one of the two may be missing."""

    pose: Layer | None
    expression: Layer | None


def sides_of(layer: Layer) -> tuple[Side, ...]:
    """What a layer moves at all: those of which some region is not faded out."""
    shares = dict(layer.regions)
    return tuple(side for side in SIDES if any(shares.get(region, 1.0) > 0 for region in REGIONS_OF[side]))


def slots_of(layers: Sequence[Layer], layer: Layer) -> Slots:
    """What gives pose and expression where `layer`, one of `layers`, gives one of them or both.

    The other half is the performance directly above or below that moves just what this one does not, in the same way and at times
    that overlap. Of three such neighbours the upper two belong together: they are what is seen.
    """
    found = dict.fromkeys(sides_of(layer), layer)
    other = _partner(layers, layer)
    if other is not None:
        found |= dict.fromkeys(sides_of(other), other)
    return Slots(found.get("pose"), found.get("expression"))


def fill_slot(state: StudioState, name: str, side: Side, source: str, label: str) -> StudioState:
    """Take one side of the layer `name`, and of its other half, from the performance `source`, called `label`.

    Where the other side comes from it already, one layer gives both; else each side has a layer of its own, the new one directly
    above, at the same time and with the same weight. Shares of single regions stay. Raises `InputError` where the layer is gone,
    or set by hand.
    """
    this, other = _sides(state, name, side)
    if this is not None and this.source == source and side in sides_of(this):
        return state
    if other is not None and other.source == source:
        state = state if this is None else _dropped(state, this, other)
        return change_layer(state, other.id, lambda layer: _moving(layer, SIDES))
    if this is not None and this != other:
        return change_layer(state, this.id, lambda layer: _moving(with_performance(layer, source, label), (side,)))
    assert other is not None
    half = replace(_moving(with_performance(other, source, label), (side,)), sound=None)
    halved = change_layer(state, other.id, lambda layer: _moving(layer, _rest(side)))
    return with_selected(_added_above(halved, half, other), state.look.layer)


def free_slot(state: StudioState, name: str, side: Side) -> StudioState:
    """Take one side of the layer `name` from nowhere: what lies below shows there.

    Raises `InputError` where nothing would be left, and where the layer is gone, or set by hand.
    """
    this, other = _sides(state, name, side)
    if this is None:
        return state
    if other is None:
        raise InputError(f"expected a pose or an expression to stay, got neither from '{this.name}'; delete the layer instead")
    if this != other:
        return _dropped(state, this, other)
    return change_layer(state, other.id, lambda layer: _moving(layer, _rest(side)))


def leave_one(state: StudioState, name: str, side: Side) -> StudioState:
    """Take only one side of the layer `name` and its other half: as it is, or where nothing gives it, from what gives the other.

    Raises `InputError` where the layer is gone, or set by hand.
    """
    this, other = _sides(state, name, side)
    if other is None:
        return state
    if this is None:
        return change_layer(state, other.id, lambda layer: _moving(layer, (side,)))
    return free_slot(state, name, _rest(side)[0])


def sounding_layer(state: StudioState) -> Layer | None:
    """The layer whose clip is heard: the lowest performance, or where that gives the pose alone, what gives the expression."""
    lowest = motion_layer(state)
    return lowest and (slots_of(state.layers, lowest).expression or lowest)


def _partner(layers: Sequence[Layer], layer: Layer) -> Layer | None:
    place = len(layers) - 1
    while place > 0:
        upper, lower = layers[place], layers[place - 1]
        if not _halves(upper, lower):
            place -= 1
            continue
        if layer in (upper, lower):
            return lower if layer == upper else upper
        place -= 2
    return None


def _halves(one: Layer, other: Layer) -> bool:
    """Whether two neighbours are a pose and an expression, of one time."""
    sides = sorted((sides_of(one), sides_of(other)))
    apart = any(a.stop is not None and a.stop <= b.first for a, b in ((one, other), (other, one)))
    return (
        not one.by_hand and not other.by_hand and sides == [("expression",), ("pose",)] and one.mode == other.mode and not apart
    )


def _sides(state: StudioState, name: str, side: Side) -> tuple[Layer | None, Layer | None]:
    """The layer that gives `side`, and the one that gives the other."""
    layer = next((layer for layer in state.layers if layer.id == name), None)
    if layer is None or layer.by_hand:
        raise InputError(f"expected a layer that follows a clip or a motion, got '{name}'; it may have been deleted")
    slots = slots_of(state.layers, layer)
    if slots == Slots(None, None):
        return layer, None  # all faded out
    return (slots.pose, slots.expression) if side == "pose" else (slots.expression, slots.pose)


def _rest(side: Side) -> tuple[Side, ...]:
    return tuple(each for each in SIDES if each != side)


def _moving(layer: Layer, sides: tuple[Side, ...]) -> Layer:
    """Only these sides: what was faded out as a whole comes back in full, shares of single regions stay."""
    shares: dict[Any, float] = dict(layer.regions)
    for side in SIDES:
        if side not in sides:
            shares |= dict.fromkeys(REGIONS_OF[side], 0.0)
        elif side not in sides_of(layer):
            shares |= dict.fromkeys(REGIONS_OF[side], 1.0)
    return replace(layer, regions=tuple((region, shares[region]) for region in REGIONS if shares.get(region, 1.0) != 1))


def _dropped(state: StudioState, layer: Layer, other: Layer) -> StudioState:
    """Without a half; who had chosen it has the other."""
    state = drop_layer(state, layer.id)
    return with_selected(state, other.id) if state.look.layer == layer.id else state


def _added_above(state: StudioState, layer: Layer, other: Layer) -> StudioState:
    state = add_layer(state, layer)
    places = {each.id: place for place, each in enumerate(state.layers)}
    return lift_layer(state, state.look.layer, places[other.id] + 1 - places[state.look.layer])
