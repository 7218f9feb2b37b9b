"""Mouths for speech, as tracks of named controls: from the loudness of a sound, or from typed text.

Neither listens for words. Sound gives a jaw that opens with loudness and lips that follow its brightness; text gives the mouth of
each letter in turn. Both are drafts to be shaped by hand.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

from loki_core.errors import InputError
from loki_core.motion.generators import ControlValues, within

__all__ = ["SoundSettings", "TextSettings", "speech_from_sound", "speech_from_text"]

_WINDOW = 0.04
"""Seconds of sound that make one level: some periods of a deep voice."""
_DARK, _BRIGHT = 400.0, 3000.0
"""Mean frequencies in Hz of a sound that is all lips (oo) and one that is all teeth (s)."""
_FADE = 1e-4
"""Levels below this (-80 dB) have no brightness to speak of."""
_LEAST_SIGMA = 0.1
"""Frames; a narrower Gaussian changes nothing."""
_SOUND_MOUTH = ("jawOpen", "mouthFunnel", "mouthStretchLeft", "mouthStretchRight", "mouthLowerDownLeft", "mouthLowerDownRight",
                "mouthUpperUpLeft", "mouthUpperUpRight")  # fmt: skip

_MAX_CHARACTERS = 20_000
_MAX_SECONDS = 3600.0
_REACH = 5.0
"""Standard deviations after which a smoothed edge is done."""


@dataclass(frozen=True)
class SoundSettings:
    """How loudness opens the mouth."""

    floor: float = -50.0
    """dB below full scale at which the mouth is shut: -90 to -10."""
    ceiling: float = -15.0
    """dB at which it is as open as it gets: at least 5 above the floor, at most 0."""
    opening: float = 0.6
    """jawOpen at the ceiling: 0 to 1."""
    lips: float = 0.5
    """How far lips round and stretch with dark and bright sounds: 0 to 1."""
    smoothing: float = 0.025
    """Seconds, the standard deviation of a Gaussian: 0 to 0.2."""

    def __post_init__(self) -> None:
        within("floor", self.floor, -90, -10)
        within("ceiling", self.ceiling, self.floor + 5, 0)
        within("opening", self.opening, 0, 1)
        within("lips", self.lips, 0, 1)
        within("smoothing", self.smoothing, 0, 0.2)


@dataclass(frozen=True)
class TextSettings:
    """How letters become mouths."""

    pace: float = 12.0
    """Sounds a second where no duration is given: 4 to 30."""
    strength: float = 0.8
    """Share of each full mouth shape: 0 to 1."""
    smoothing: float = 0.04
    """Seconds, the standard deviation by which mouths run into each other (coarticulation): 0.005 to 0.2."""

    def __post_init__(self) -> None:
        within("pace", self.pace, 4, 30)
        within("strength", self.strength, 0, 1)
        within("smoothing", self.smoothing, 0.005, 0.2)


def speech_from_sound(
    samples: Float[np.ndarray, "N"], rate: int, frames: int, fps: Fraction, settings: SoundSettings
) -> ControlValues:
    """A mouth that follows the sound, one value a frame; silence after its end.

    `samples`: one channel from -1 to 1 at `rate` a second, the first at the time of the first frame. Levels are RMS over 40 ms
    around each frame, in dB; the mean frequency is read off the RMS of the sound's differences, which is 2 sin(pi f / rate) times
    the sound's own for a tone of f.
    """
    if rate < 1:
        raise ValueError(f"expected samples at a positive rate, got {rate}")
    sound = np.where(np.isfinite(samples), samples, 0).astype(np.float64)
    level = _rms(sound, rate, frames, fps)
    change = _rms(np.diff(sound, prepend=sound[:1]), rate, frames, fps)
    frequency = np.arcsin(np.clip(change / np.maximum(level, _FADE) / 2, 0, 1)) * rate / np.pi
    decibels = 20 * np.log10(np.maximum(level, 1e-9))
    loud = np.clip((decibels - settings.floor) / (settings.ceiling - settings.floor), 0, 1)
    bright = np.clip((frequency - _DARK) / (_BRIGHT - _DARK), 0, 1)
    sigma = settings.smoothing * float(fps)
    smooth = [gaussian_filter1d(t, sigma, mode="constant") if sigma > _LEAST_SIGMA else t for t in (loud, loud * bright)]
    teeth = smooth[1]
    voice = smooth[0] - teeth
    stretch, lower, upper = settings.lips * 0.6 * teeth, 0.4 * voice + 0.5 * teeth, 0.3 * teeth
    tracks = (settings.opening * (voice + 0.3 * teeth), settings.lips * 0.5 * voice, stretch, stretch, lower, lower, upper, upper)
    return {name: np.clip(track, 0, 1) for name, track in zip(_SOUND_MOUTH, tracks, strict=True)}


def speech_from_text(text: str, fps: Fraction, settings: TextSettings, *, duration: float | None = None) -> ControlValues:
    """A mouth that speaks `text`; at rest in the first and the last frame.

    `duration` in seconds, None = at the settings' pace. Letters are taken as English and German roughly speak them, in pairs
    where two make one sound (sh, th, oo); accents are dropped; spaces are short and punctuation long pauses. Each sound is a box
    as long as the sound, smoothed by a Gaussian. Raises `InputError` for digits and for other scripts, which do not say their
    sounds.
    """
    sounds = _sounds(text)
    lead = _REACH * settings.smoothing
    lengths = np.array([_LENGTHS.get(sound, 1.0) for sound in sounds])
    seconds = lengths.sum() / settings.pace + 2 * lead if duration is None else duration
    if not 2 * lead < seconds <= _MAX_SECONDS:
        raise InputError(
            f"expected speech of {2 * lead:.2f} to {_MAX_SECONDS:g} seconds, got {seconds:.2f}; give another duration or text"
        )
    edges = lead + np.concatenate([[0], lengths.cumsum()]) * (seconds - 2 * lead) / lengths.sum()
    time = np.arange(math.ceil(seconds * fps) + 1) / float(fps)
    tracks = {name: np.zeros(len(time)) for name in sorted({name for mouth in _MOUTHS.values() for name in mouth})}
    for sound, start, end in zip(sounds, edges[:-1], edges[1:], strict=True):
        near = slice(*np.searchsorted(time, (start - lead, end + lead)))
        presence = ndtr((time[near] - start) / settings.smoothing) - ndtr((time[near] - end) / settings.smoothing)
        for name, value in _MOUTHS[sound].items():
            tracks[name][near] += settings.strength * value * presence
    return {name: np.clip(track, 0, 1) for name, track in tracks.items()}


def _rms(sound: Float[np.ndarray, "N"], rate: int, frames: int, fps: Fraction) -> Float[np.ndarray, "T"]:
    """Root mean square over a window around each frame's time; nothing sounds outside the samples."""
    energy = np.concatenate([[0.0], np.cumsum(sound * sound)])
    centres = np.arange(frames) / float(fps) * rate
    half = max(_WINDOW * rate / 2, 0.5)
    first, last = (np.clip(np.round(centres + side), 0, len(sound)).astype(np.int64) for side in (-half, half))
    return np.sqrt(np.maximum(energy[last] - energy[first], 0) / (2 * half))


def _sounds(text: str) -> list[str]:
    """Names in `_MOUTHS`, in order."""
    if len(text) > _MAX_CHARACTERS:
        raise InputError(f"expected at most {_MAX_CHARACTERS} characters, got {len(text)}; speak the text in parts")
    letters = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if unicodedata.category(c) != "Mn")
    sounds: list[str] = []
    index = 0
    while index < len(letters):
        known = next((length for length in (3, 2, 1) if letters[index : index + length] in _SPELLINGS), 0)
        if known:
            sounds += _SPELLINGS[letters[index : index + known]]
        elif letters[index].isalnum():
            raise InputError(f"expected Latin letters and punctuation, got '{letters[index]}'; write it out as it sounds")
        else:
            sounds.append("gap" if letters[index].isspace() or letters[index] in "'’-" else "pause")
        index += max(known, 1)
    if not any(_MOUTHS[sound] for sound in sounds):
        raise InputError(f"expected text with letters, got '{text[:40]}'; type what is to be said")
    return sounds


def _both(stem: str, value: float) -> dict[str, float]:
    return {f"{stem}Left": value, f"{stem}Right": value}


_MOUTHS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "gap": {},
        "pause": {},
        "a": {"jawOpen": 0.6, **_both("mouthLowerDown", 0.3), **_both("mouthUpperUp", 0.15)},
        "e": {"jawOpen": 0.35, **_both("mouthStretch", 0.35), **_both("mouthLowerDown", 0.3), **_both("mouthSmile", 0.15)},
        "i": {"jawOpen": 0.2, **_both("mouthSmile", 0.35), **_both("mouthStretch", 0.3), **_both("mouthLowerDown", 0.25)},
        "o": {"jawOpen": 0.45, "mouthFunnel": 0.45, "mouthPucker": 0.3},
        "u": {"jawOpen": 0.14, "mouthPucker": 0.8, "mouthFunnel": 0.15},
        "m": {**_both("mouthPress", 0.45), "mouthRollLower": 0.35, "mouthRollUpper": 0.3},
        "f": {"jawOpen": 0.08, "mouthRollLower": 0.6, **_both("mouthUpperUp", 0.3), "mouthShrugLower": 0.2},
        "th": {"jawOpen": 0.2, **_both("mouthLowerDown", 0.3), "tongueOut": 0.25},
        "t": {"jawOpen": 0.15, **_both("mouthLowerDown", 0.3), **_both("mouthStretch", 0.15)},
        "s": {"jawOpen": 0.06, **_both("mouthStretch", 0.4), **_both("mouthLowerDown", 0.35), **_both("mouthUpperUp", 0.2)},
        "sh": {"jawOpen": 0.12, "mouthFunnel": 0.6, **_both("mouthUpperUp", 0.25), **_both("mouthLowerDown", 0.25)},
        "k": {"jawOpen": 0.25, **_both("mouthLowerDown", 0.2)},
        "r": {"jawOpen": 0.18, "mouthFunnel": 0.35, "mouthPucker": 0.2},
        "l": {"jawOpen": 0.3, **_both("mouthLowerDown", 0.25)},
        "h": {"jawOpen": 0.3},
    }
)
"""ARKit's units for each mouth; jaws half way, for speech hardly opens wide."""

_LENGTHS: Mapping[str, float] = MappingProxyType(
    {"gap": 0.5, "pause": 4.0, "a": 1.4, "e": 1.3, "i": 1.2, "o": 1.4, "u": 1.3, "t": 0.8, "k": 0.8, "h": 0.6, "r": 0.8, "l": 0.9}
)
"""How long each sound lasts beside a plain consonant; vowels carry the syllable."""

_SPELLINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sch": ("sh",), "tch": ("t", "sh"), "igh": ("a", "i"), "sh": ("sh",), "ch": ("sh",), "th": ("th",), "ph": ("f",),
        "wh": ("u",), "ck": ("k",), "ng": ("k",), "qu": ("k", "u"), "oo": ("u",), "ou": ("a", "u"), "ow": ("o", "u"),
        "ee": ("i",), "ea": ("i",), "ie": ("i",), "ei": ("a", "i"), "ai": ("e", "i"), "ay": ("e", "i"), "au": ("a", "u"),
        "oi": ("o", "i"), "oy": ("o", "i"), "ss": ("s",), "ll": ("l",), "tt": ("t",), "mm": ("m",), "nn": ("t",), "pp": ("m",),
        "bb": ("m",), "ff": ("f",), "rr": ("r",), "dd": ("t",), "gg": ("k",), "zz": ("s",), "cc": ("k",),
        "a": ("a",), "b": ("m",), "c": ("k",), "d": ("t",), "e": ("e",), "f": ("f",), "g": ("k",), "h": ("h",), "i": ("i",),
        "j": ("sh",), "k": ("k",), "l": ("l",), "m": ("m",), "n": ("t",), "o": ("o",), "p": ("m",), "q": ("k",), "r": ("r",),
        "s": ("s",), "t": ("t",), "u": ("u",), "v": ("f",), "w": ("u",), "x": ("k", "s"), "y": ("i",), "z": ("s",),
        "æ": ("e",), "ø": ("o",), "œ": ("o",), "ł": ("u",), "đ": ("t",), "ð": ("th",), "þ": ("th",), "ı": ("i",),
    }
)  # fmt: skip
"""Mouths of letters and of letters that make one sound together."""
