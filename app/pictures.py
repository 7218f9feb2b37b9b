"""Pictures of a state: what the viewport and the gallery show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from app.sessions import Session
from app.stage import Prepared, Sitter, Stage, Stamp
from app.words import say
from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.params import FlameParams
from loki_core.media.picture import flatten
from loki_core.motion.presets import ExpressionPreset
from loki_core.raster.driver_map import pose_and_deform
from loki_core.raster.preview import PreviewMode, draw_preview
from loki_core.timeline.state import StudioState

__all__ = ["MAP_SIDE", "draw", "draw_expression", "draw_face", "draw_map", "draw_small", "opaque"]

MAP_SIDE = 512
"""Pixels of the driver map's side on the page, at most."""
_SMALLEST_MAP = 64


def draw(session: Session, state: StudioState, view: str, *, side: int = MAP_SIDE) -> UInt8[np.ndarray, "H W 3"]:
    """The driver map ("map", of `side` pixels) or the warped portrait ("warp") at the state's playhead."""
    if not _SMALLEST_MAP <= side <= MAP_SIDE:
        raise InputError(say("bad_request"))
    params = session.frames(state, state.look.frame, state.look.frame + 1)
    sitter = session.sitters[state.portrait]
    if view == "map":
        return draw_map(session.stage, sitter, params[0], state.look.map, side=side)
    if view == "warp":
        return _warp(session.stage, sitter.live, params)
    raise InputError(say("bad_request"))


def draw_map(
    stage: Stage, sitter: Sitter, params: FlameParams, mode: PreviewMode, *, side: int = MAP_SIDE
) -> UInt8[np.ndarray, "H W 3"]:
    """The driver map of one frame (batch shape ()) as the eye can read it."""
    camera = sitter.live.portrait.camera
    vertices, moved = pose_and_deform(sitter.person, replace(params, betas=params.betas[:0]))
    return draw_preview(stage.head, vertices, moved, camera, sitter.crop, mode=mode, size=(side, side))


def draw_expression(stage: Stage, small: Stamp, preset: ExpressionPreset) -> UInt8[np.ndarray, "h w 3"]:
    """The face with an expression."""
    return draw_face(stage, small, dict(preset.values))


def draw_face(stage: Stage, small: Stamp, values: Mapping[str, float]) -> UInt8[np.ndarray, "h w 3"]:
    """The face with these controls set."""
    params = apply_controls(stage.head, stage.units, small.prepared.portrait.params, dict(values))
    return _small(stage, small, params[None])


def draw_small(session: Session, state: StudioState, small: Stamp) -> UInt8[np.ndarray, "h w 3"]:
    """The face at the state's playhead. `small`: the state's portrait."""
    return _small(session.stage, small, session.frames(state, state.look.frame, state.look.frame + 1))


def _small(stage: Stage, small: Stamp, params: FlameParams) -> UInt8[np.ndarray, "h w 3"]:
    """What is near the face in a frame (batch shape (1,))."""
    picture = _warp(stage, small.prepared, params)
    box, (height, width) = small.crop, picture.shape[:2]
    left, right = max(0, round(box.cx - box.half)), min(width, round(box.cx + box.half))
    top, bottom = max(0, round(box.cy - box.half)), min(height, round(box.cy + box.half))
    return picture[top:bottom, left:right]


def opaque(picture: UInt8[np.ndarray, "H W C"]) -> UInt8[np.ndarray, "H W 3"]:
    """RGBA laid over white; RGB as it is."""
    return flatten(picture[..., :3], picture[..., 3]) if picture.shape[2] == 4 else picture


def _warp(stage: Stage, prepared: Prepared, params: FlameParams) -> UInt8[np.ndarray, "H W 3"]:
    return opaque(next(iter(stage.renderer.render(prepared.scene, params))))
