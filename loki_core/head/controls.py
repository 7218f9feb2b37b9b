"""The one table of named controls: what sliders, timeline tracks, presets, `--set` and help are built from."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from loki_core.errors import InputError
from loki_core.lia_x.directions import DIRECTION_COUNT, DIRECTIONS, direction_name

__all__ = ["ARKIT_UNITS", "CONTROLS", "LATENT_CONTROLS", "Control", "check_controls", "control", "mirror_controls"]

Group = Literal["brows", "eyes", "lids", "cheeks", "nose", "mouth", "jaw", "tongue", "head", "neck", "latent"]


@dataclass(frozen=True)
class Control:
    """One thing that can be moved. Its range is for the hand; the mathematics accept more."""

    name: str
    """ARKit's spelling; the rest in the same camel case."""
    label: str
    unit: str
    """`share` (0 = rest, 1 = as far as a face goes), `degrees`, `cm`, or `latent` (length along a direction of a network)."""
    minimum: float
    maximum: float
    default: float
    group: Group
    side: Literal["left", "right"] | None
    """The subject's side that moves; None: both, or the middle. `mouthLeft` moves the whole mouth, so its side is None."""
    help: str


def _unit(name: str, label: str, group: Group, text: str) -> Control:
    return Control(name, label, "share", 0.0, 1.0, 0.0, group, None, text)


def _pair(stem: str, label: str, group: Group, text: str) -> tuple[Control, Control]:
    """The left and right unit of one movement; `{side}` in the help names the side."""
    left = Control(f"{stem}Left", f"{label}, left", "share", 0.0, 1.0, 0.0, group, "left", text.format(side="left"))
    right = Control(f"{stem}Right", f"{label}, right", "share", 0.0, 1.0, 0.0, group, "right", text.format(side="right"))
    return left, right


def _turn(name: str, label: str, reach: float, group: Group, text: str, side: Literal["left", "right"] | None = None) -> Control:
    return Control(name, label, "degrees", -reach, reach, 0.0, group, side, text)


def _shift(name: str, label: str, reach: float, text: str) -> Control:
    return Control(name, label, "cm", -reach, reach, 0.0, "head", None, text)


CONTROLS: tuple[Control, ...] = (
    _unit("browInnerUp", "Inner brows up", "brows", "Raises the inner ends of both brows, as in worry."),
    *_pair("browDown", "Brow down", "brows", "Lowers the {side} brow, as in a frown."),
    *_pair("browOuterUp", "Outer brow up", "brows", "Raises the outer end of the {side} brow."),
    *_pair("eyeBlink", "Blink", "lids", "Closes the {side} lids; 1 is shut."),
    *_pair("eyeSquint", "Squint", "lids", "Tightens the lids of the {side} eye from below."),
    *_pair("eyeWide", "Eye wide", "lids", "Opens the {side} eye wide by raising its upper lid."),
    *_pair("eyeLookUp", "Look up", "eyes", "Turns the {side} eye up; its lids follow."),
    *_pair("eyeLookDown", "Look down", "eyes", "Turns the {side} eye down; its lids follow."),
    *_pair("eyeLookIn", "Look in", "eyes", "Turns the {side} eye towards the nose."),
    *_pair("eyeLookOut", "Look out", "eyes", "Turns the {side} eye away from the nose."),
    _turn("gazeYaw", "Gaze to the side", 35.0, "eyes", "Turns both eyes; positive is the subject's left."),
    _turn("gazePitch", "Gaze down", 25.0, "eyes", "Turns both eyes; positive is down."),
    _turn("eyeYawLeft", "Eye to the side, left", 35.0, "eyes", "The left eye alone; positive is the subject's left.", "left"),
    _turn("eyeYawRight", "Eye to the side, right", 35.0, "eyes", "The right eye alone; positive is the subject's left.", "right"),
    _turn("eyePitchLeft", "Eye down, left", 25.0, "eyes", "Turns the left eye alone; positive is down.", "left"),
    _turn("eyePitchRight", "Eye down, right", 25.0, "eyes", "Turns the right eye alone; positive is down.", "right"),
    _unit("cheekPuff", "Cheeks puffed", "cheeks", "Blows up both cheeks with the lips closed."),
    *_pair("cheekSquint", "Cheek up", "cheeks", "Raises the {side} cheek under the eye, as in a hearty smile."),
    *_pair("noseSneer", "Nose wrinkle", "nose", "Raises the {side} wing of the nose, as in disgust."),
    _unit("jawOpen", "Jaw open", "jaw", "Lowers the jaw; 1 is a wide open mouth."),
    _unit("jawForward", "Jaw forward", "jaw", "Pushes the lower jaw forward."),
    _unit("jawLeft", "Jaw to the left", "jaw", "Moves the lower jaw to the subject's left."),
    _unit("jawRight", "Jaw to the right", "jaw", "Moves the lower jaw to the subject's right."),
    _unit("mouthClose", "Lips closed over open jaw", "mouth", "Brings the lips together while the jaw is open by as much."),
    _unit("mouthFunnel", "Funnel", "mouth", "Opens the lips into a round funnel, as in a long oh."),
    _unit("mouthPucker", "Pucker", "mouth", "Purses the closed lips, as for a kiss."),
    _unit("mouthLeft", "Mouth to the left", "mouth", "Moves both lips to the subject's left."),
    _unit("mouthRight", "Mouth to the right", "mouth", "Moves both lips to the subject's right."),
    *_pair("mouthSmile", "Smile", "mouth", "Pulls the {side} corner of the mouth up and out."),
    *_pair("mouthFrown", "Mouth corner down", "mouth", "Pulls the {side} corner of the mouth down."),
    *_pair("mouthDimple", "Dimple", "mouth", "Pulls the {side} corner of the mouth back."),
    *_pair("mouthStretch", "Mouth stretch", "mouth", "Pulls the {side} corner of the mouth out and down, as in fear."),
    _unit("mouthRollLower", "Lower lip in", "mouth", "Rolls the lower lip over the teeth."),
    _unit("mouthRollUpper", "Upper lip in", "mouth", "Rolls the upper lip over the teeth."),
    _unit("mouthShrugLower", "Lower lip up", "mouth", "Pushes the lower lip and the chin up, as in doubt."),
    _unit("mouthShrugUpper", "Upper lip up", "mouth", "Pushes the upper lip up and out."),
    *_pair("mouthPress", "Lips pressed", "mouth", "Presses the lips together on the {side} side."),
    *_pair("mouthLowerDown", "Lower lip down", "mouth", "Lowers the {side} half of the lower lip and shows the lower teeth."),
    *_pair("mouthUpperUp", "Upper lip raised", "mouth", "Raises the {side} half of the upper lip and shows the upper teeth."),
    _unit("tongueOut", "Tongue out", "tongue", "Puts the tongue out; needs a head that has one."),
    _turn("headYaw", "Head turn", 45.0, "head", "Turns the head from how the portrait holds it; positive is the subject's left."),
    _turn("headPitch", "Head nod", 30.0, "head", "Nods the head from how the portrait holds it; positive lowers the chin."),
    _turn("headRoll", "Head tilt", 35.0, "head", "Tilts the head; positive is towards the subject's right shoulder."),
    _shift("headX", "Head to the side", 10.0, "Moves the head; positive is to the right of the picture."),
    _shift("headY", "Head up", 10.0, "Moves the head; positive is up."),
    _shift("headZ", "Head forward", 15.0, "Moves the head; positive is towards the camera."),
    _turn("neckYaw", "Neck turn", 30.0, "neck", "Turns the head on the neck; positive is the subject's left."),
    _turn("neckPitch", "Neck nod", 25.0, "neck", "Nods the head on the neck; positive lowers the chin."),
    _turn("neckRoll", "Neck tilt", 25.0, "neck", "Tilts the head on the neck; positive is towards the subject's right shoulder."),
)  # fmt: skip
"""Every control, in the order in which a panel lists them."""

_LATENT_REACH = 3.0
"""The public checkpoint's coefficients differ between faces by less."""


def _latent(index: int) -> Control:
    named = {direction.index: direction for direction in DIRECTIONS}
    label = named[index].label if index in named else f"Direction {index}"
    text = f"Direction {index} of LIA-X, added to the portrait's own; seen in what LIA-X renders only."
    reach = _LATENT_REACH
    return Control(f"liax/{direction_name(index)}", label, "latent", -reach, reach, 0.0, "latent", None, text)


LATENT_CONTROLS: tuple[Control, ...] = tuple(_latent(index) for index in range(DIRECTION_COUNT))
"""LIA-X's directions in the order of its dictionary: they move no head, but are set, keyed and kept as the others."""

ARKIT_UNITS: tuple[str, ...] = tuple(sorted(c.name for c in CONTROLS if c.unit == "share"))
"""ARKit's 52 units in alphabetical order."""

_BY_NAME: Mapping[str, Control] = MappingProxyType({c.name: c for c in (*CONTROLS, *LATENT_CONTROLS)})


def control(name: str) -> Control:
    """Look a control up. Raises `InputError` that offers the nearest names."""
    if name not in _BY_NAME:
        near = difflib.get_close_matches(name, _BY_NAME, n=3, cutoff=0.5)
        way_out = f"did you mean {' or '.join(near)}?" if near else "the ARKit names and headYaw, neckPitch, gazeYaw... are known"
        raise InputError(f"expected the name of a control, got '{name}'; {way_out}")
    return _BY_NAME[name]


def check_controls(values: Mapping[str, float]) -> None:
    """Raise `InputError` at the first unknown name, non-finite value or value out of its range."""
    for name, value in values.items():
        known = control(name)
        if not (math.isfinite(value) and known.minimum <= value <= known.maximum):
            unit = "" if known.unit == "share" else f" {known.unit}"
            raise InputError(f"expected {name} from {known.minimum:g} to {known.maximum:g}{unit}, got {value:g}")


def mirror_controls(values: Mapping[str, float]) -> dict[str, float]:
    """The same performance in a mirror: left and right swap, turns and shifts to the side change sign."""
    return {_partner(name): -value if _changes_sign(name) else value for name, value in values.items()}


def _partner(name: str) -> str:
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    if name.endswith("Right"):
        return name.removesuffix("Right") + "Left"
    return name


def _changes_sign(name: str) -> bool:
    return control(name).unit != "share" and ("Yaw" in name or "Roll" in name or name == "headX")
