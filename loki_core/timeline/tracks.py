"""Keys of many controls: what a hand does to them on a timeline, as pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from loki_core.errors import InputError
from loki_core.head.controls import check_controls, control, mirror_controls
from loki_core.timeline.curves import Curve, Interpolation, Key, sample, with_key

__all__ = [
    "Clipboard", "Selection", "Tracks", "copy_keys", "delete_keys", "drop_tracks", "mirror_keys", "move_keys", "paste_keys",
    "sample_tracks", "scale_keys", "set_handle", "set_interpolation", "set_keys", "shift_keys",
]  # fmt: skip

Selection = frozenset[tuple[str, int]]
"""Keys by control and frame."""


@dataclass(frozen=True)
class Tracks:
    """Curves by the name of their control, sorted by it; none is empty. Hashable."""

    curves: tuple[tuple[str, Curve], ...] = ()

    @staticmethod
    def of(curves: Mapping[str, Curve]) -> Tracks:
        return Tracks(tuple(sorted((name, curve) for name, curve in curves.items() if curve.keys)))

    def table(self) -> dict[str, Curve]:
        """The curves by name."""
        return dict(self.curves)

    @property
    def last_frame(self) -> int:
        """The frame of the last key; -1 without keys."""
        return max((curve.keys[-1].frame for _, curve in self.curves), default=-1)


@dataclass(frozen=True)
class Clipboard:
    """Keys that were copied: by control, their frames counted from the first of all."""

    keys: tuple[tuple[str, Key], ...] = ()


def sample_tracks(tracks: Tracks, frames: Float[np.ndarray, "T"]) -> dict[str, Float[np.ndarray, "T"]]:
    """Values of every control that has keys."""
    return {name: sample(curve, frames) for name, curve in tracks.curves}


def set_keys(tracks: Tracks, frame: int, values: Mapping[str, float]) -> Tracks:
    """Set keys at `frame`: new ones, or new values of those that are there. Raises `InputError` as `check_controls` does."""
    check_controls(values)
    curves = tracks.table()
    for name, value in values.items():
        curves[name] = with_key(curves.get(name, Curve()), frame, value)
    return Tracks.of(curves)


def drop_tracks(tracks: Tracks, names: Iterable[str]) -> Tracks:
    """Without the keys of some controls."""
    gone = set(names)
    return Tracks(tuple(item for item in tracks.curves if item[0] not in gone))


def delete_keys(tracks: Tracks, selection: Selection) -> Tracks:
    """Without the selected keys."""
    return _each(tracks, lambda name, key: None if (name, key.frame) in selection else key)


def move_keys(tracks: Tracks, selection: Selection, frames: int) -> Tracks:
    """Move the selected keys in time; those that they land on give way."""
    return _rebuilt(tracks, selection, lambda _, key: replace(key, frame=key.frame + frames))


def shift_keys(tracks: Tracks, selection: Selection, frames: int, amounts: Mapping[str, float]) -> Tracks:
    """Move the selected keys in time and value; those that they land on give way.

    `amounts`: by the controls' unit (`share`, `degrees`, `cm`), 0 for one that is left out. A value that would leave its
    control's range stays at the end of it.
    """

    def shifted(name: str, key: Key) -> Key:
        limits = control(name)
        value = min(limits.maximum, max(limits.minimum, key.value + amounts.get(limits.unit, 0.0)))
        return replace(key, frame=key.frame + frames, value=value)

    return _rebuilt(tracks, selection, shifted)


def scale_keys(tracks: Tracks, selection: Selection, pivot: float, factor: float) -> Tracks:
    """Spread the selected keys about the frame `pivot`, to whole frames; handles stretch with them.

    Of keys that fall on one frame the last stays. Raises `InputError` for a factor that is not positive.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(f"expected a factor above 0, got {factor:g}")

    def scaled(name: str, key: Key) -> Key:
        left, right = ((h[0] * factor, h[1]) if h else None for h in (key.left, key.right))
        return replace(key, frame=round(pivot + (key.frame - pivot) * factor), left=left, right=right)

    return _rebuilt(tracks, selection, scaled)


def copy_keys(tracks: Tracks, selection: Selection) -> Clipboard:
    """The selected keys, counted from the first of them."""
    chosen = _selected(tracks, selection)
    start = min((key.frame for _, key in chosen), default=0)
    return Clipboard(tuple((name, replace(key, frame=key.frame - start)) for name, key in chosen))


def paste_keys(tracks: Tracks, clipboard: Clipboard, frame: int) -> Tracks:
    """Put copied keys so that the first lies at `frame`; those that they land on give way."""
    check_controls({name: key.value for name, key in clipboard.keys})
    curves = tracks.table()
    for name, key in clipboard.keys:
        keys = {own.frame: own for own in curves.get(name, Curve()).keys}
        keys[frame + key.frame] = replace(key, frame=frame + key.frame)
        curves[name] = _curve(keys.values())
    return Tracks.of(curves)


def mirror_keys(tracks: Tracks, selection: Selection) -> Tracks:
    """Exchange left and right: a selected key goes to its partner's track, with its sign where that turns."""
    chosen, mirrored = _selected(tracks, selection), []
    for name, key in chosen:
        ((partner, sign),) = mirror_controls({name: 1.0}).items()
        left, right = ((h[0], sign * h[1]) if h else None for h in (key.left, key.right))
        mirrored.append((partner, replace(key, value=sign * key.value, left=left, right=right)))
    return paste_keys(delete_keys(tracks, selection), Clipboard(tuple(mirrored)), 0)


def set_interpolation(tracks: Tracks, selection: Selection, interpolation: Interpolation) -> Tracks:
    """How the selected keys lead to the next ones; their handles become automatic."""

    def changed(name: str, key: Key) -> Key:
        chosen = (name, key.frame) in selection
        return replace(key, interpolation=interpolation, left=None, right=None) if chosen else key

    return _each(tracks, changed)


def set_handle(tracks: Tracks, name: str, frame: int, *, left: tuple[float, float], right: tuple[float, float]) -> Tracks:
    """Give one key handles by hand: frames and value from the key. Raises `InputError` where there is no such key."""
    if not any(key.frame == frame for key in tracks.table().get(name, Curve()).keys):
        raise InputError(f"expected a key of {control(name).label} at frame {frame}, found none")
    return _each(tracks, lambda own, key: replace(key, left=left, right=right) if (own, key.frame) == (name, frame) else key)


def _selected(tracks: Tracks, selection: Selection) -> list[tuple[str, Key]]:
    return [(name, key) for name, curve in tracks.curves for key in curve.keys if (name, key.frame) in selection]


def _curve(keys: Iterable[Key]) -> Curve:
    return Curve(tuple(sorted(keys, key=lambda key: key.frame)))


def _each(tracks: Tracks, change: Callable[[str, Key], Key | None]) -> Tracks:
    changed = {name: [change(name, key) for key in curve.keys] for name, curve in tracks.curves}
    return Tracks.of({name: Curve(tuple(key for key in keys if key)) for name, keys in changed.items()})


def _rebuilt(tracks: Tracks, selection: Selection, change: Callable[[str, Key], Key]) -> Tracks:
    """The selected keys changed, laid over the others."""
    curves = {}
    for name, curve in tracks.curves:
        stay = {key.frame: key for key in curve.keys if (name, key.frame) not in selection}
        moved = [change(name, key) for key in curve.keys if (name, key.frame) in selection]
        curves[name] = _curve({**stay, **{key.frame: key for key in moved}}.values())
    return Tracks.of(curves)
