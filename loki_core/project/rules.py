"""What types alone do not say of a state that came out of a file."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import fields
from fractions import Fraction

from loki_core.errors import InputError
from loki_core.head.controls import check_controls
from loki_core.motion.clip import Motion
from loki_core.motion.own_expressions import MOST_OWN, check_own
from loki_core.motion.retarget import RetargetSettings
from loki_core.render.kinds import check_choice
from loki_core.timeline.layers import Layer, with_field, with_gain, with_region
from loki_core.timeline.state import StudioState, with_trim
from loki_core.timeline.tracks import Tracks

__all__ = ["check_neutral_frames", "check_state"]

_MOST_LAYERS = 256
_FARTHEST = 10**6
_MOST_FPS = 1000
"""Frames a second; faster ones only make a timeline that is too long to hold."""
_NUMBERS = ("first", "stop", "offset", "speed")
_GAINS = tuple(field.name for field in fields(RetargetSettings) if field.name != "neutral")


def check_state(state: StudioState, portraits: Container[str], motions: Container[str], sounds: Container[str] = ()) -> None:
    """Raise `InputError` for names, ranges, layers, controls and keys that no edit in the studio could have made."""
    if state.portrait and state.portrait not in portraits:
        raise InputError(f"expected the portrait '{state.portrait:.80}' beside the state, found none; use another copy")
    if min(state.fps) < 1 or Fraction(*state.fps) > _MOST_FPS:
        raise InputError(f"expected a rate of up to {_MOST_FPS} frames a second, got {state.fps}; use another copy")
    if state.trim is not None:
        with_trim(state, *state.trim, frame_count=state.trim[1])
    check_choice(state.render.renderer, state.render.settings)
    if state.look.frame < 0:
        raise InputError(f"expected a playhead from 0, got {state.look.frame}; use another copy")
    if len({layer.id for layer in state.layers}) < len(state.layers) or len(state.layers) > _MOST_LAYERS:
        raise InputError(f"expected up to {_MOST_LAYERS} layers, each of another id; use another copy")
    for layer in state.layers:
        _check_layer(layer, motions)
        if layer.sound is not None and layer.sound.source not in sounds:
            raise InputError(f"expected the sound '{layer.sound.source:.80}' beside the state, found none; use another copy")
        if layer.sound is not None and not 0 <= layer.sound.first <= _FARTHEST:
            raise InputError(f"expected a sound that begins within {_FARTHEST} frames, got {layer.sound.first}; use another copy")
    if len({own.name for own in state.expressions}) < len(state.expressions) or len(state.expressions) > MOST_OWN:
        raise InputError(f"expected up to {MOST_OWN} own expressions, each of another name; use another copy")
    for own in state.expressions:
        check_own(own)


def check_neutral_frames(state: StudioState, motions: Mapping[str, Motion | str]) -> None:
    """Raise `InputError` where a layer's neutral frame lies outside its motion; presets are looked up elsewhere."""
    for layer in state.layers:
        motion, neutral = motions.get(layer.source), layer.retarget.neutral
        if neutral is not None and isinstance(motion, Motion) and neutral >= motion.frame_count:
            raise InputError(f"expected a neutral frame up to {motion.frame_count - 1}, got {neutral}; use another copy")


def _check_layer(layer: Layer, motions: Container[str]) -> None:
    if layer.source and layer.source not in motions:
        raise InputError(f"expected the motion '{layer.source:.80}' beside the state, found none; use another copy")
    for name in _NUMBERS:
        with_field(layer, name, getattr(layer, name))
    for gain in _GAINS:
        with_gain(layer, gain, getattr(layer.retarget, gain))
    if layer.retarget.neutral is not None and layer.retarget.neutral < 0:
        raise InputError(f"expected a neutral frame from 0, got {layer.retarget.neutral}; use another copy")
    for region, share in layer.regions:
        if with_region(layer, region, share) != layer:
            raise InputError("expected faders of regions in order, each once; use another copy")
    if tuple(sorted(dict(layer.controls).items())) != layer.controls or layer.tracks.table().keys() & dict(layer.controls):
        raise InputError("expected controls in order, each once, and none with keys; use another copy")
    check_controls(dict(layer.controls))
    _check_tracks(layer.tracks)


def _check_tracks(tracks: Tracks) -> None:
    if Tracks.of(tracks.table()) != tracks:
        raise InputError("expected keyed controls in order, each once and with a key; use another copy")
    for name, curve in tracks.curves:
        for key in curve.keys:
            check_controls({name: key.value})
