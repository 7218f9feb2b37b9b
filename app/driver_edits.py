"""What the hand does with a driver: how its motion is cleaned, what its neutral face is, and expressions borrowed from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, get_args

import numpy as np

from app.borrow import face_strengths
from app.borrowed import BORROWED_REGIONS
from app.requests import Request, flag, integer, listing, number, optional_integer, text
from app.sessions import Session
from app.stage import Act
from app.words import say
from loki_core.errors import InputError
from loki_core.head.controls import CONTROLS
from loki_core.motion.clean import LONGEST_WINDOW, SHORTEST_WINDOW, Cleaning, PartFilter
from loki_core.motion.clip import Motion
from loki_core.motion.filters import Part
from loki_core.motion.retarget import RetargetSettings
from loki_core.timeline.curves import Curve, Key
from loki_core.timeline.layers import REGIONS, Layer, source_places, with_region
from loki_core.timeline.state import StudioState, add_layer, change_layer, hand_layer, with_controls

__all__ = ["FILLINGS", "METHODS", "PARTS", "change_driver", "driver_motion", "source_frame"]

PARTS: tuple[Part, ...] = get_args(Part)
METHODS: tuple[str, ...] = ("none", "savgol", "one_euro")
FILLINGS: tuple[str, ...] = ("tracked", "hold", "interpolate", "neutral")


def change_driver(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Do what `edit` says. Raises `InputError` for what makes no sense."""
    name = text(edit, "op")
    if name not in _CHANGES:
        raise InputError(say("bad_request"))
    return _CHANGES[name](session, state, edit)


def driver_motion(session: Session, state: StudioState, name: str) -> tuple[Layer, Motion]:
    """A layer that shows a tracked motion, and that motion. Raises `InputError` for any other."""
    layer = next((layer for layer in state.layers if layer.id == name), None)
    performance = session.acts[layer.source].performance if layer is not None and not layer.by_hand else None
    if layer is None or not isinstance(performance, Motion):
        raise InputError(say("bad_request"))
    return layer, performance


def source_frame(layer: Layer, motion: Motion, state: StudioState, frame: int) -> int:
    """Frame of the motion that a layer shows, or would show, at a frame of the timeline."""
    rate = float(motion.fps / Fraction(*state.fps))
    return round(float(source_places(layer, np.array([float(frame)]), motion.frame_count, rate=rate)[0]))


def _changed(session: Session, state: StudioState, edit: Request, change: Callable[[Cleaning], Cleaning]) -> StudioState:
    layer, _ = driver_motion(session, state, text(edit, "id"))
    return change_layer(state, layer.id, lambda layer: replace(layer, cleaning=change(layer.cleaning)))


def _set_filter(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Method and window of one part."""
    part, method, window = text(edit, "part"), text(edit, "method"), number(edit, "window")
    if part not in PARTS or method not in METHODS:
        raise InputError(say("bad_request"))
    if not SHORTEST_WINDOW <= window <= LONGEST_WINDOW:
        raise InputError(f"expected a window from {SHORTEST_WINDOW:g} to {LONGEST_WINDOW:g} s, got {window:g}")
    chosen: Any = {part: PartFilter(method, window)}  # type: ignore[arg-type]
    return _changed(session, state, edit, lambda cleaning: replace(cleaning, **chosen))


def _set_option(session: Session, state: StudioState, edit: Request) -> StudioState:
    name = text(edit, "name")
    if name in ("protect_blinks", "mend_outliers"):
        option: Any = {name: flag(edit, "value")}
    elif name == "lost" and text(edit, "value") in FILLINGS:
        option = {name: text(edit, "value")}
    else:
        raise InputError(say("bad_request"))
    return _changed(session, state, edit, lambda cleaning: replace(cleaning, **option))


def _set_neutral(session: Session, state: StudioState, edit: Request) -> StudioState:
    """The frame that the layer shows at a frame of the timeline; null: found by itself."""
    layer, motion = driver_motion(session, state, text(edit, "id"))
    frame = optional_integer(edit, "frame")
    neutral = None if frame is None else source_frame(layer, motion, state, frame)
    if neutral is not None and not motion.confidence[neutral] > 0:
        raise InputError(say("driver_neutral_lost", frame=neutral))
    return change_layer(state, layer.id, lambda layer: replace(layer, retarget=replace(layer.retarget, neutral=neutral)))


def _cut(session: Session, state: StudioState, edit: Request) -> StudioState:
    """Use frames `from` to `to`, not including `to`, of the motion; where it begins on the timeline stays."""
    layer, motion = driver_motion(session, state, text(edit, "id"))
    first, stop = integer(edit, "from"), integer(edit, "to")
    if not 0 <= first < stop <= motion.frame_count:
        raise InputError(f"expected a part of the clip's {motion.frame_count} frames, got {first} to {stop}")
    step = layer.speed * float(motion.fps / Fraction(*state.fps))
    end = None if stop == motion.frame_count else layer.first + max(1, round((stop - first) / step))
    return change_layer(state, layer.id, lambda layer: replace(layer, offset=first, stop=end))


def _borrowed(session: Session, edit: Request) -> tuple[str, float, list[str]]:
    """Whose expression, how much of it, and in which regions."""
    name, share, regions = text(edit, "source"), number(edit, "share"), listing(edit, "regions")
    if name not in session.borrowed or not all(region in BORROWED_REGIONS for region in regions):
        raise InputError(say("bad_request"))
    if not 0 <= share <= 1:
        raise InputError(f"expected a share from 0 to 1, got {share:g}")
    if not regions:
        raise InputError(say("borrow_nothing"))
    return name, share, regions


def _put_on(session: Session, state: StudioState, edit: Request) -> StudioState:
    """What the face at the playhead lacks of the expression, on the layer that edits go to.

    In the place of what is set there in those regions. Units can only be added: what the layers below do beyond the expression
    stays.
    """
    name, share, regions = _borrowed(session, edit)
    frame = state.look.frame
    below = face_strengths(session.stage, session.frames(state, frame, frame + 1, below=hand_layer(state))[0])
    wanted = session.borrowed[name].values
    values = {}
    for known in CONTROLS:
        if known.group in regions and known.unit != "cm":
            lacking = share * (wanted.get(known.name, 0.0) - below[known.name])
            values[known.name] = min(max(lacking, known.minimum), known.maximum)
    return with_controls(state, values)


def _put_above(session: Session, state: StudioState, edit: Request) -> StudioState:
    """The expression as a layer from the playhead on, instead of what lies below; its weight is the share."""
    name, share, regions = _borrowed(session, edit)
    found = session.borrowed[name]
    session.acts[name] = Act(found.name, found.motion, None)
    layer = Layer(
        "",
        found.name,
        name,
        first=state.look.frame,
        stop=max(session.frame_count(state), state.look.frame + 1),
        weight=Curve() if share == 1 else Curve((Key(0, share),)),
        retarget=RetargetSettings(absolute=1.0, neutral=0),
    )
    for region in REGIONS:
        layer = with_region(layer, region, 1.0 if region in regions else 0.0)
    return add_layer(state, layer)


_CHANGES: Mapping[str, Callable[[Session, StudioState, Request], StudioState]] = MappingProxyType(
    {
        "filter": _set_filter,
        "option": _set_option,
        "neutral": _set_neutral,
        "cut": _cut,
        "borrow": _put_on,
        "borrow_layer": _put_above,
    }
)
