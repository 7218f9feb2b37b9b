"""What is heard with the work: the driver's sound and those of the layers, for a render and for the page to play."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from moviepy.audio.AudioClip import AudioClip

from app.sessions import Session
from app.stage import name_of
from loki_core.media.sound import driver_sound
from loki_core.media.sound_file import read_sound
from loki_core.media.sound_mix import clip_of, mix
from loki_core.media.sound_out import write_sound
from loki_core.timeline.layers import Layer, audible
from loki_core.timeline.performance import frame_count, frame_rate
from loki_core.timeline.slots import sounding_layer
from loki_core.timeline.state import StudioState

__all__ = ["Heard", "heard_in", "mixed", "sound_file", "sound_name"]

_RATE = 48_000
"""Samples a second of layers' sounds."""
_MOST_FILES = 4
"""Of a session: undo and redo find the last ones again."""


@dataclass(frozen=True)
class Heard:
    """A part of a sound, and when it is heard. Times in seconds."""

    file: Path
    of_clip: bool
    """The sound of a clip, on the clock of its pictures; else a file on its own."""
    start: Fraction
    end: Fraction
    """Of the sound."""
    at: Fraction
    """After the beginning of the mix."""


def heard_in(session: Session, state: StudioState, first: int, stop: int) -> tuple[Heard, ...]:
    """What is heard in frames `first` to `stop`; its times count from `first`."""
    layers = audible(state.layers)
    driver = sounding_layer(state)
    parts = [] if driver is None or driver not in layers else [_driver(session, state, driver, first, stop)]
    parts += [_voice(session, state, layer, first, stop) for layer in layers]
    return tuple(part for part in parts if part is not None and part.start < part.end)


def _driver(session: Session, state: StudioState, layer: Layer, first: int, stop: int) -> Heard | None:
    """The sound of the driver's clip, where it is heard as it was recorded: not when its speed was changed."""
    act, fps = session.acts[layer.source], Fraction(*state.fps)
    if act.clip is None or not act.has_sound or layer.speed != 1:
        return None
    rate = frame_rate(act.performance)
    begin, end = max(first, layer.first), stop if layer.stop is None else min(stop, layer.stop)
    late = layer.offset / rate - layer.first / fps
    length = frame_count(act.performance) / rate
    return Heard(act.clip, True, begin / fps + late, min(end / fps + late, length), (begin - first) / fps)


def _voice(session: Session, state: StudioState, layer: Layer, first: int, stop: int) -> Heard | None:
    """The sound that a layer carries."""
    if layer.sound is None:
        return None
    voice, fps = session.sounds[layer.sound.source], Fraction(*state.fps)
    begin = max(first, layer.sound.first)
    end = min((stop - layer.sound.first) / fps, Fraction(voice.seconds))
    return Heard(voice.file, False, (begin - layer.sound.first) / fps, end, (begin - first) / fps)


def mixed(parts: Sequence[Heard], duration: Fraction) -> AudioClip | None:
    """The parts together, as long as `duration` (seconds); None where nothing is heard."""
    clips = [(float(part.at), clip) for part in parts if (clip := _read(part)) is not None]
    return mix(clips, float(duration))


def _read(part: Heard) -> AudioClip | None:
    if part.of_clip:
        return driver_sound(part.file, start=part.start, end=part.end)
    samples = read_sound(part.file, rate=_RATE, channels=2, most_seconds=math.inf)  # it was measured when it was taken
    heard = samples[round(part.start * _RATE) : round(part.end * _RATE)]
    return clip_of(heard, _RATE) if len(heard) else None


def sound_name(session: Session) -> str:
    """Stands for what is heard with the present work; empty where nothing is."""
    parts = _whole(session)
    return name_of(repr(parts).encode()) if parts else ""


def sound_file(session: Session) -> tuple[str, Path] | None:
    """The sound of the present work from its first frame on, in a file that browsers play, and its name; None for silence."""
    parts = _whole(session)
    if not parts:
        return None
    name, folder = name_of(repr(parts).encode()), session.folder / "sound"
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.webm"
    if not file.exists():
        sound = mixed(parts, max(part.at + part.end - part.start for part in parts))
        if sound is None:
            return None
        write_sound(file, sound)
        for old in sorted(folder.glob("*.webm"), key=lambda kept: kept.stat().st_mtime)[:-_MOST_FILES]:
            old.unlink(missing_ok=True)
    return name, file


def _whole(session: Session) -> tuple[Heard, ...]:
    with session.lock:
        return heard_in(session, session.state, 0, session.frame_count(session.state))
