"""Expressions and motions kept as JSON by control name, so that they fit every head."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.controls import check_controls
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.units import UnitBasis
from loki_core.motion.clip import Motion

__all__ = [
    "EXPRESSIONS", "MOTIONS", "Channel", "ExpressionPreset", "MotionPreset", "PresetProblem",
    "controls_at", "list_presets", "load_expression", "load_motion_preset", "preset_motion", "sample_controls",
]  # fmt: skip

_PRESETS = Path(__file__).resolve().parents[2] / "presets"
EXPRESSIONS = _PRESETS / "expressions"
MOTIONS = _PRESETS / "motions"

Interpolation = Literal["smooth", "ease", "linear", "step"]
"""smooth: monotone cubic, at rest at every turning point (pchip); ease: slow in and slow out of every key; step: holds."""

_MAX_BYTES = 1 << 20
_MAX_SECONDS = 600.0
_MAX_NUMBER = 1e6
"""Also keeps out NaN, infinity and integers too long for a float."""
_BLINK = ((0.0, 0.0), (0.07, 0.85), (0.1, 1.0), (0.13, 1.0), (0.21, 0.55), (0.33, 0.08), (0.42, 0.0))
"""Seconds and closure: lids fall twice as fast as they rise."""
_BLINK_DELAY = 0.012
"""Seconds by which the right lid follows the left."""

_Preset = TypeVar("_Preset")


@dataclass(frozen=True)
class ExpressionPreset:
    """A face, by control."""

    name: str
    """The file's name without its ending."""
    label: str
    tags: tuple[str, ...]
    values: tuple[tuple[str, float], ...]
    """Controls that differ from rest."""


@dataclass(frozen=True)
class Channel:
    """One control over time."""

    control: str
    interpolation: Interpolation
    keys: tuple[tuple[float, float], ...]
    """Seconds, rising, and values."""


@dataclass(frozen=True)
class MotionPreset:
    """A performance, by control."""

    name: str
    label: str
    tags: tuple[str, ...]
    duration: float
    """Seconds."""
    loop: bool
    """Repeats without a seam: the channels are interpolated around the end."""
    channels: tuple[Channel, ...]
    blinks: tuple[float, ...]
    """Seconds at which the lids begin to fall, on top of the channels."""


@dataclass(frozen=True)
class PresetProblem:
    """A preset that was skipped, and why."""

    path: Path
    reason: str


def load_expression(path: Path) -> ExpressionPreset:
    """Read an expression. Raises `InputError` that names the file and what is wrong in it."""
    data = _read(path, required=("name", "label", "tags", "values"), optional=())
    values = _mapping(path, "values", data["values"])
    numbers = {name: _number(path, name, value) for name, value in values.items()}
    _check(path, numbers)
    return ExpressionPreset(*_heading(path, data), values=tuple(numbers.items()))


def load_motion_preset(path: Path) -> MotionPreset:
    """Read a motion. Raises `InputError` that names the file and what is wrong in it."""
    data = _read(path, required=("name", "label", "tags", "duration", "loop", "channels"), optional=("blinks",))
    duration = _number(path, "duration", data["duration"])
    if not 0 < duration <= _MAX_SECONDS:
        raise InputError(f"{path.name}: expected a duration of up to {_MAX_SECONDS:g} seconds, got {duration:g}")
    if not isinstance(data["loop"], bool):
        raise InputError(f"{path.name}: expected true or false for 'loop', got {data['loop']!r}")
    channels = _mapping(path, "channels", data["channels"])
    if not channels:
        raise InputError(f"{path.name}: expected at least one channel, got none")
    blinks = [_number(path, "blinks", b) for b in _list(path, "blinks", data.get("blinks", []))]
    if not all(0 <= b <= duration for b in blinks):
        raise InputError(f"{path.name}: expected blinks within 0 to {duration:g} seconds, got {blinks}")
    return MotionPreset(
        *_heading(path, data),
        duration=duration,
        loop=data["loop"],
        channels=tuple(_channel(path, name, value, duration, data["loop"]) for name, value in channels.items()),
        blinks=tuple(sorted(blinks)),
    )


def list_presets(folder: Path, load: Callable[[Path], _Preset]) -> tuple[list[_Preset], list[PresetProblem]]:
    """All presets of a folder that `load` accepts, by file name, and those that it does not, each with the reason."""
    presets: list[_Preset] = []
    problems: list[PresetProblem] = []
    for path in sorted(folder.glob("*.json")):
        try:
            presets.append(load(path))
        except InputError as exc:
            problems.append(PresetProblem(path, str(exc)))
    return presets, problems


def controls_at(preset: MotionPreset, seconds: float) -> dict[str, float]:
    """Control values at one time: see `sample_controls`."""
    return {name: float(values[0]) for name, values in sample_controls(preset, np.array([seconds])).items()}


def sample_controls(preset: MotionPreset, seconds: Float[np.ndarray, "T"]) -> dict[str, Float[np.ndarray, "T"]]:
    """Control values over time. Loops repeat; others hold their first and last values outside their duration."""
    time = np.mod(seconds, preset.duration) if preset.loop else np.clip(seconds, 0, preset.duration)
    values = {c.control: _interpolate(c, time, preset.duration if preset.loop else None) for c in preset.channels}
    if preset.blinks:
        for name, delay in (("eyeBlinkLeft", 0.0), ("eyeBlinkRight", _BLINK_DELAY)):
            values[name] = np.maximum(values.get(name, np.zeros(len(time))), _blinks(preset, time - delay))
    return values


def preset_motion(
    preset: MotionPreset, head: HeadModel, units: UnitBasis, *, fps: Fraction, base: FlameParams | None = None
) -> Motion:
    """One pass of the preset as coefficients on top of `base`, such as a portrait's own; None = the head at rest."""
    times = np.arange(max(1, round(preset.duration * fps))) / float(fps)
    values = {name: torch.from_numpy(track).float() for name, track in sample_controls(preset, times).items()}
    params = apply_controls(head, units, base or head.neutral(), values)
    return Motion.of(params, fps=fps, head=head.id)


def _interpolate(channel: Channel, time: Float[np.ndarray, "T"], period: float | None) -> Float[np.ndarray, "T"]:
    at, value = (np.array(column) for column in zip(*channel.keys, strict=True))
    if period is not None:
        at, value = _wrapped(at, value, period)
    if len(at) == 1:
        return np.full(len(time), value[0])
    time = np.clip(time, at[0], at[-1])
    if channel.interpolation == "smooth":
        return np.clip(PchipInterpolator(at, value)(time), value.min(), value.max())  # rounding oversteps 0 by 1e-18
    if channel.interpolation == "linear":
        return np.interp(time, at, value)
    left = np.clip(np.searchsorted(at, time, side="right") - 1, 0, len(at) - 2)
    share = (time - at[left]) / (at[left + 1] - at[left])
    eased = np.floor(share) if channel.interpolation == "step" else share * share * (3 - 2 * share)
    return value[left] + eased * (value[left + 1] - value[left])


def _wrapped(at: np.ndarray, value: np.ndarray, period: float) -> tuple[np.ndarray, np.ndarray]:
    """The keys with a period before and after them; a key at the very end stands for the one at the start."""
    inside = at < period if at[0] == 0 else np.ones(len(at), dtype=bool)
    at, value = at[inside], value[inside]
    return np.concatenate([at - period, at, at + period]), np.tile(value, 3)


def _blinks(preset: MotionPreset, time: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    closure = PchipInterpolator(*zip(*_BLINK, strict=True))
    since = time[:, None] - np.array(preset.blinks)
    if preset.loop:
        since = np.mod(since, preset.duration)
    inside = (since >= 0) & (since <= _BLINK[-1][0])
    return np.where(inside, closure(np.where(inside, since, 0)), 0).max(1)


def _channel(path: Path, name: str, data: object, duration: float, loop: bool) -> Channel:
    fields = _mapping(path, name, data)
    _check_keys(path, fields, required=("interpolation", "keys"), optional=(), inside=f" in '{name}'")
    if fields["interpolation"] not in get_args(Interpolation):
        known = ", ".join(get_args(Interpolation))
        raise InputError(f"{path.name}: expected one of {known} as interpolation of '{name}', got {fields['interpolation']!r}")
    keys = tuple(_key(path, name, key) for key in _list(path, name, fields["keys"]))
    times = [t for t, _ in keys]
    if not keys or times != sorted(set(times)) or times[0] < 0 or times[-1] > duration:
        raise InputError(f"{path.name}: expected rising times within 0 to {duration:g} seconds in '{name}', got {times}")
    if loop and times[0] == 0 and times[-1] == duration and keys[0][1] != keys[-1][1]:
        raise InputError(
            f"{path.name}: expected '{name}' to end as it starts, for it loops; got {keys[0][1]:g} and {keys[-1][1]:g}"
        )
    for _, value in keys:
        _check(path, {name: value})
    return Channel(name, fields["interpolation"], keys)


def _key(path: Path, name: str, key: object) -> tuple[float, float]:
    pair = _list(path, name, key)
    if len(pair) != 2:
        raise InputError(f"{path.name}: expected keys [seconds, value] in '{name}', got {key!r}")
    return _number(path, name, pair[0]), _number(path, name, pair[1])


def _read(path: Path, *, required: Sequence[str], optional: Sequence[str]) -> Mapping[str, Any]:
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{path.name}: expected a preset of at most {_MAX_BYTES >> 10} KiB, got {path.stat().st_size >> 10} KiB")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InputError(f"{path.name}: expected JSON ({exc}); correct the file") from exc
    data = _mapping(path, "the file", data)
    _check_keys(path, data, required=required, optional=optional, inside="")
    return data


def _check_keys(path: Path, data: Mapping[str, Any], *, required: Sequence[str], optional: Sequence[str], inside: str) -> None:
    unknown = [key for key in data if key not in (*required, *optional)]
    missing = [key for key in required if key not in data]
    if unknown or missing:
        found = [f"unknown {', '.join(unknown)}"] * bool(unknown) + [f"missing {', '.join(missing)}"] * bool(missing)
        raise InputError(f"{path.name}: expected the keys {', '.join((*required, *optional))}{inside}; {' and '.join(found)}")


def _heading(path: Path, data: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    if data["name"] != path.stem:
        raise InputError(f"{path.name}: expected the name '{path.stem}', as the file's, got {data['name']!r}")
    if not isinstance(data["label"], str) or not data["label"]:
        raise InputError(f"{path.name}: expected a label in words, got {data['label']!r}")
    tags = _list(path, "tags", data["tags"])
    if not all(isinstance(tag, str) for tag in tags):
        raise InputError(f"{path.name}: expected words as tags, got {tags!r}")
    return data["name"], data["label"], tuple(tags)


def _check(path: Path, values: Mapping[str, float]) -> None:
    try:
        check_controls(values)
    except InputError as exc:
        raise InputError(f"{path.name}: {exc}") from exc


def _number(path: Path, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MAX_NUMBER:
        raise InputError(f"{path.name}: expected a number for '{name}', got {value!r:.80}")
    return float(value)


def _mapping(path: Path, name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{path.name}: expected an object in braces for '{name}', got {value!r:.80}")
    return value


def _list(path: Path, name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{path.name}: expected a list in brackets for '{name}', got {value!r:.80}")
    return value
