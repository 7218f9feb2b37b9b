"""Live Link Face's CSV: ARKit's 52 units and nine angles a row, under a timecode.

Columns: Timecode, BlendShapeCount (61), the units in the app's order, then yaw, pitch and roll of the head and of either eye,
radians. Angles have the signs of docs/conventions.md: yaw to the subject's left, pitch down and roll to the subject's right
shoulder are positive, which is what ARKit's axes of a face (x to the subject's left, y up, z out of the face) give. The app
turns yaw and pitch of the head round when the phone is held sideways; nothing in the file says so.

Timecode: HH:MM:SS:FF.mmm, with FF counting frames and mmm thousandths of one. The frame rate itself is not in the file.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.arkit import apply_controls, read_controls
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, from_yaw_pitch_roll, to_yaw_pitch_roll
from loki_core.head.units import UnitBasis
from loki_core.motion.clip import Motion

__all__ = ["LIVE_LINK_UNITS", "read_live_link", "write_live_link"]

LIVE_LINK_UNITS: tuple[str, ...] = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""ARKit's units in the order of the file's columns."""

_ANGLES = tuple(f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll"))
_HEAD = ("headYaw", "headPitch", "headRoll")
_TIME, _COUNT = "Timecode", "BlendShapeCount"
_COLUMNS = (*(name[0].upper() + name[1:] for name in LIVE_LINK_UNITS), *_ANGLES)
_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2}):(\d{2,3}(?:\.\d{1,6})?)")
_RATES = (24, 25, 30, 48, 50, 60, 90, 120)
"""Frames a second that timecodes count."""
_APP_RATE = 60
"""What the app counts unless it is told otherwise."""
_DAY = 24 * 60 * 60
_MAX_BYTES = 1 << 28
"""256 MiB: about an hour and a half at 60 frames a second."""
_MAX_GAP = 1.0
"""Seconds without a row that are bridged."""
_NEAR = 0.75
"""Frames to the nearest row within which a frame counts as seen."""
_SLACK = 0.5
"""How far a unit may lie outside 0 to 1 before the column is taken for something else, such as percent."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """The file as numbers."""

    clock: Float[np.ndarray, "R 2"]
    """Whole seconds of the day, and frames within the second."""
    values: Float[np.ndarray, "R 61"]
    """In the order of `_COLUMNS`; columns that the file lacks are zero."""
    lines: tuple[int, ...]
    """Where in the file each row stands, from 1."""


def read_live_link(
    path: Path, head: HeadModel, units: UnitBasis, *, fps: Fraction | None = None, base: FlameParams | None = None
) -> Motion:
    """Read a recording as coefficients on top of `base`, such as a portrait's own; None = the head at rest.

    `fps` None = read off the timecodes: the least usual rate above the frames they count where the clip turns over a second, else
    60, which is what the app does by itself. Rows are brought to even times by straight interpolation; frames that no row is near
    to, in gaps of up to a second, get confidence 0. Units are cut to 0 and 1.
    The eye angles are the whole gaze: the EyeLook units then only move the lids. Where all of them are zero, or missing, the
    units turn the eyes.

    Raises `InputError` with the line and the column of what cannot be read.
    """
    rows = _read(path)
    rate = fps if fps is not None else _rate(rows.clock)
    times = _frame_times(path, rows, rate)
    grid = np.arange(math.floor(times[-1] + 1e-6) + 1, dtype=np.float64)
    tracks = np.stack([np.interp(grid, times, column) for column in rows.values.T])
    confidence = torch.from_numpy((np.abs(grid - _nearest(times, grid)) < _NEAR).astype(np.float32))
    return Motion.of(_params(head, units, base or head.neutral(), tracks), fps=rate, head=head.id, confidence=confidence)


def write_live_link(path: Path, motion: Motion, head: HeadModel, units: UnitBasis) -> None:
    """Write a motion through the named controls, whole or not at all; the timecode starts at 00:00:00:00.000.

    The neck's rotation is added to the head's. Identity, the head's place and what no unit can make are not in this format. The
    timecode counts whole rates, 30 for 30000/1001: give `fps` when such a file is read again.
    """
    if motion.head != head.id:
        raise ValueError(f"expected a motion on the head '{head.name}' ({head.hash}), got one on '{motion.head.name}'")
    params = motion.params()
    rest = replace(head.neutral((motion.frame_count,)), betas=params.betas)
    controls = read_controls(head, units, replace(params, eye_pose=_eyes_of_lids(head, params)), rest)
    skull = compose(params.global_orient, params.neck_pose)
    turns = [to_yaw_pitch_roll(r) for r in (skull, params.eye_pose[:, 0], params.eye_pose[:, 1])]
    values = torch.cat(
        [torch.stack([controls[name] for name in LIVE_LINK_UNITS], dim=-1), torch.cat(turns, -1).deg2rad()], dim=-1
    )
    count = math.ceil(motion.fps)
    with replacing(path) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([_TIME, _COUNT, *_COLUMNS])
        for index, row in enumerate(values.tolist()):
            writer.writerow([_timecode(index, count), len(_COLUMNS), *(f"{value:.8f}" for value in row)])


def _params(head: HeadModel, units: UnitBasis, base: FlameParams, tracks: Float[np.ndarray, "61 T"]) -> FlameParams:
    count = len(LIVE_LINK_UNITS)
    values = {n: torch.from_numpy(t.clip(0, 1)).float() for n, t in zip(LIVE_LINK_UNITS, tracks[:count], strict=True)}
    degrees = torch.from_numpy(np.rad2deg(tracks[count:])).float().unflatten(0, (3, 3)).permute(2, 0, 1)
    posed = apply_controls(head, units, base, {**values, **dict(zip(_HEAD, degrees[:, 0].unbind(-1), strict=True))})
    if not tracks[count + 3 :].any():
        return posed
    return replace(posed, eye_pose=compose(base.eye_pose.expand_as(degrees[:, 1:]), from_yaw_pitch_roll(degrees[:, 1:])))


def _eyes_of_lids(head: HeadModel, params: FlameParams) -> Float[Tensor, "T 2 3"]:
    """Eyes as the lids would have them, so that a gaze that the lids do not follow is not read as units that move them.

    Heads of plain components do not tell the lids of a gaze apart; there the eyes' own rotations are read.
    """
    if not head.unit_joints[:, 1:].any():
        return params.eye_pose
    return torch.einsum("te,ejc->tjc", params.expression, head.unit_joints[:, 1:])


def _timecode(index: int, count: int) -> str:
    seconds, frame = divmod(index, count)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frame:02d}.000"


def _read(path: Path) -> _Rows:
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(
            f"{path.name}: expected at most {_MAX_BYTES >> 20} MiB, got {path.stat().st_size >> 20} MiB; split the recording"
        )
    clock: list[tuple[float, float]] = []
    values: list[np.ndarray] = []
    numbers: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            places = _places(path, header)
            for row in filter(None, reader):
                line = reader.line_num
                if len(row) != len(header):
                    raise InputError(
                        f"{path.name}, line {line}: expected {len(header)} values, got {len(row)}; the file is cut off or edited"
                    )
                clock.append(_seconds(path, line, row[places[_TIME]]))
                values.append(_numbers(path, line, row, places))
                numbers.append(line)
    except (UnicodeDecodeError, csv.Error) as exc:
        raise InputError(f"{path.name}: expected text with commas ({exc}); export the take's CSV again") from exc
    if not values:
        raise InputError(f"{path.name}, line 2: expected at least one row of values, got none; record again")
    return _Rows(np.array(clock), np.stack(values), tuple(numbers))


def _places(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Where each known column stands: any order, any case, for apps differ. Eye and head angles may be missing."""
    known = {name.lower(): name for name in (_TIME, _COUNT, *_COLUMNS)}
    places: dict[str, int] = {}
    for index, title in enumerate(header):
        name = known.get(title.strip().lower())
        if name is None:
            raise InputError(f"{path.name}, line 1: expected a Live Link Face column, got '{title:.40}' as number {index + 1}")
        if name in places:
            raise InputError(f"{path.name}, line 1: expected each column once, got '{name}' twice")
        places[name] = index
    missing = [name for name in (_TIME, *_COLUMNS) if name not in places and name not in _ANGLES]
    if missing:
        raise InputError(
            f"{path.name}, line 1: expected the column{'s' * (len(missing) > 1)} {', '.join(missing[:3])}"
            f"{' ...' * (len(missing) > 3)}, found none; export the take's CSV again"
        )
    return places


def _seconds(path: Path, line: int, text: str) -> tuple[float, float]:
    match = _TIMECODE.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{path.name}, line {line}, column {_TIME}: expected HH:MM:SS:FF.mmm, got '{text:.40}'")
    hours, minutes, seconds = (int(part) for part in match.groups()[:3])
    return float(hours * 3600 + minutes * 60 + seconds), float(match[4])


def _numbers(path: Path, line: int, row: Sequence[str], places: dict[str, int]) -> Float[np.ndarray, "61"]:
    numbers = np.zeros(len(_COLUMNS))
    for index, name in enumerate(_COLUMNS):
        if name in places:
            numbers[index] = _number(path, line, name, row[places[name]])
    return numbers


def _number(path: Path, line: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    low, high, kind = (-math.tau, math.tau, "radians") if name in _ANGLES else (-_SLACK, 1 + _SLACK, "a share from 0 to 1")
    if not low <= value <= high:
        raise InputError(f"{path.name}, line {line}, column {name}: expected {kind}, got '{text:.40}'")
    return value


def _rate(clock: Float[np.ndarray, "R 2"]) -> Fraction:
    counted = math.floor(clock[:, 1].max()) + 1
    turned_over = clock[0, 0] != clock[-1, 0]
    least = counted if turned_over else max(counted, _APP_RATE)
    return Fraction(next((rate for rate in _RATES if rate >= least), least))


def _frame_times(path: Path, rows: _Rows, rate: Fraction) -> Float[np.ndarray, "R"]:
    """Frames since the first row; midnight may lie between."""
    count = math.ceil(rate)
    seconds, frames = rows.clock.T
    wrong = np.flatnonzero(frames >= count)
    if len(wrong):
        raise InputError(
            f"{path.name}, line {rows.lines[wrong[0]]}, column {_TIME}: expected frames below {count} at "
            f"{float(rate):g} a second, got {frames[wrong[0]]:g}; name the take's own frame rate"
        )
    times = np.unwrap(seconds, period=_DAY) * count + frames
    steps = np.diff(times)
    wrong = np.flatnonzero((steps <= 0) | (steps > _MAX_GAP * count))
    if len(wrong):
        raise InputError(
            f"{path.name}, line {rows.lines[wrong[0] + 1]}, column {_TIME}: expected rows that follow each other within "
            f"{_MAX_GAP:g} s, got a step of {steps[wrong[0]] / count:.3f} s; cut the take there"
        )
    return times - times[0]


def _nearest(times: Float[np.ndarray, "R"], grid: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    """The row time next to each frame."""
    after = np.searchsorted(times, grid).clip(0, len(times) - 1)
    before = (after - 1).clip(0)
    return np.where(np.abs(times[after] - grid) < np.abs(times[before] - grid), times[after], times[before])
