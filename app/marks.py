"""What a hand can take hold of on the pictures, in pixels of the live portrait."""

from __future__ import annotations

import numpy as np

from app.requests import Reply
from app.sessions import Session
from app.stage import Sitter
from loki_core.head.arkit import apply_controls
from loki_core.head.controls import control
from loki_core.head.gizmos import turn_rings
from loki_core.head.params import FlameParams
from loki_core.timeline.state import StudioState, hand_layer, values_at_playhead
from loki_core.track.handles import HANDLES, handle_points

__all__ = ["marks"]

_IRISES = [index for index, handle in enumerate(HANDLES) if handle.name.startswith("iris")]
_PROBE = 5.0
"""Degrees that the eyes are turned by to see how far their irises go."""


def marks(session: Session, state: StudioState) -> Reply:
    """Of the state's tool, at its playhead. Empty when nothing is held, or nothing can be."""
    if state.look.tool == "look" or not state.portrait:
        return {}
    sitter, frame = session.sitters[state.portrait], state.look.frame
    if state.look.tool == "grab":
        posed = session.frames(state, frame, frame + 1)
        return {"handles": np.round(handle_points(sitter.landmarks, posed, sitter.live.portrait.camera)[0], 1).tolist()}
    base = session.frames(state, frame, frame + 1, below=hand_layer(state))[0]
    if state.look.tool == "gaze":
        return {"gaze": _gaze(session, sitter, base, values_at_playhead(state))}
    stage, values = session.stage, values_at_playhead(state)
    rings = turn_rings(state.look.tool, stage.head, stage.units, base, values, sitter.live.portrait.camera)
    return {
        "rings": [
            {
                "control": ring.control,
                "per_degree": ring.per_degree,
                "value": values.get(ring.control, control(ring.control).default),
                "points": np.round(ring.points.numpy().astype(float), 1).tolist(),
            }
            for ring in rings
        ]
    }


def _handles(session: Session, sitter: Sitter, base: FlameParams, values: dict[str, float]) -> np.ndarray:
    posed = apply_controls(session.stage.head, session.stage.units, base, values)
    return handle_points(sitter.landmarks, posed[None], sitter.live.portrait.camera)[0]


def _gaze(session: Session, sitter: Sitter, base: FlameParams, values: dict[str, float]) -> Reply:
    """Middle between the irises, and pixels they go for a degree to the side and down."""
    here = _handles(session, sitter, base, values)[_IRISES].mean(0)
    aside, below = (
        _handles(session, sitter, base, {**values, name: values.get(name, 0.0) + _PROBE})[_IRISES].mean(0) - here
        for name in ("gazeYaw", "gazePitch")
    )
    return {
        "place": here.tolist(),
        "yaw": values.get("gazeYaw", 0.0),
        "pitch": values.get("gazePitch", 0.0),
        "pixels": [float(aside[0] / _PROBE), float(below[1] / _PROBE)],
    }
