"""Whole faces at once: expressions by strength and region, mixtures of four, a recording of one, and the user's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from loki_core.errors import InputError
from loki_core.head.controls import CONTROLS, control
from loki_core.motion.own_expressions import MOST_OWN, check_own
from loki_core.motion.presets import ExpressionPreset
from loki_core.timeline.bake import bake
from loki_core.timeline.curves import Curve, Key
from loki_core.timeline.layers import REGIONS, Region, hand_values
from loki_core.timeline.state import StudioState, hand_layer, values_at_playhead, with_controls, with_tracks
from loki_core.timeline.tracks import Tracks

__all__ = ["drop_expression", "mixture", "rename_expression", "scaled", "with_expression", "with_own", "with_recording"]

_STAY: tuple[Region, ...] = ("head", "neck")
"""What an expression leaves as it is unless it moves it."""


def scaled(values: Mapping[str, float], strength: float, regions: Collection[Region] = REGIONS) -> dict[str, float]:
    """An expression at a share of its strength (0 to 1), in some regions of the face alone."""
    if not 0 <= strength <= 1:
        raise InputError(f"expected a strength from 0 to 1, got {strength:g}")
    within = {name: value for name, value in values.items() if control(name).group in regions}
    return {name: control(name).default + strength * (value - control(name).default) for name, value in within.items()}


def with_expression(
    state: StudioState, values: Mapping[str, float], *, strength: float = 1.0, regions: Collection[Region] = REGIONS
) -> StudioState:
    """Put an expression in the place of the face at the playhead, in those regions; head and neck stay unless it moves them.

    Controls that have keys get one at the playhead, others change in every frame. Raises `InputError` for a strength or a value
    out of range.
    """
    face = {c.name: c.default for c in CONTROLS if c.group in regions and c.group not in _STAY}
    set_now = values_at_playhead(state)
    back = {name: rest for name, rest in face.items() if name in set_now}
    return with_controls(state, {**back, **scaled(values, strength, regions)})


def mixture(
    corners: Sequence[Mapping[str, float]], x: Float[np.ndarray, "T"], y: Float[np.ndarray, "T"]
) -> dict[str, Float[np.ndarray, "T"]]:
    """Four faces (upper left, upper right, lower left, lower right; an empty one is at rest) mixed by bilinear weights.

    `x` from left to right and `y` from top to bottom, 0 to 1. Every control that one of them moves is there.
    """
    if len(corners) != 4:
        raise ValueError(f"expected four corners, got {len(corners)}")
    shares = ((1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y)
    mixed = {}
    for name in sorted({name for corner in corners for name in corner}):
        limits = control(name)
        column = sum(share * corner.get(name, limits.default) for share, corner in zip(shares, corners, strict=True))
        mixed[name] = np.clip(column, limits.minimum, limits.maximum)  # the weights' rounding may overstep a range
    return mixed


def with_recording(
    state: StudioState, values: Mapping[str, Float[np.ndarray, "T"]], first: int, *, tolerance: float
) -> StudioState:
    """Put one value a frame from `first` on into the layer that edits go to, as few keys as come within `tolerance` of each.

    `tolerance`: share of each control's range. Before and after, the layer is as it was: its keys there stay, and one beside
    either end holds what was.
    """
    layer = hand_layer(state)
    curves = layer.tracks.table()
    for name, column in values.items():
        limits = control(name)
        taken = bake(column, tolerance * (limits.maximum - limits.minimum), first=first)
        edges = np.array([first - 1.0, first + len(column)])
        before, after = hand_values(layer, edges).get(name, np.full(2, limits.default)).tolist()
        kept = {key.frame: key for key in curves.get(name, Curve()).keys if not first <= key.frame < edges[1]}
        if first > 0:
            kept.setdefault(first - 1, Key(first - 1, before, "linear"))
        kept.setdefault(int(edges[1]), Key(int(edges[1]), after))
        kept |= {key.frame: key for key in taken.keys}
        curves[name] = Curve(tuple(kept[frame] for frame in sorted(kept)))
    return with_tracks(state, Tracks.of(curves))


def with_own(state: StudioState, preset: ExpressionPreset) -> StudioState:
    """Keep an expression of the user's own with the work, newest first. Raises `InputError` as `check_own`, and for too many."""
    check_own(preset)
    if any(other.name == preset.name for other in state.expressions):
        raise InputError(f"expected a name of its own for the expression, got '{preset.name}' twice; choose another")
    if len(state.expressions) >= MOST_OWN:
        raise InputError(f"expected at most {MOST_OWN} expressions of your own; delete some first")
    return replace(state, expressions=(preset, *state.expressions))


def rename_expression(state: StudioState, name: str, label: str) -> StudioState:
    """Give an own expression another label. Raises `InputError` for one that is gone, and as `check_own`."""
    renamed = replace(_own(state, name), label=label)
    check_own(renamed)
    return replace(state, expressions=tuple(renamed if own.name == name else own for own in state.expressions))


def drop_expression(state: StudioState, name: str) -> StudioState:
    """Without an own expression. Raises `InputError` for one that is gone."""
    gone = _own(state, name)
    return replace(state, expressions=tuple(own for own in state.expressions if own is not gone))


def _own(state: StudioState, name: str) -> ExpressionPreset:
    for own in state.expressions:
        if own.name == name:
            return own
    raise InputError(f"expected an expression of your own, got '{name:.40}'; it may have been deleted")
