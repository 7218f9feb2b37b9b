"""What a page is told: the work after every edit, the material and the jobs when they change."""

from __future__ import annotations

from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np

from app.renders import report_renders
from app.requests import Reply
from app.sessions import Session
from app.soundtrack import sound_name
from app.words import name_in, say, sentence
from loki_core.motion.clip import Motion
from loki_core.render.kinds import renderer_kind
from loki_core.render.settings import complete
from loki_core.timeline.curves import sample
from loki_core.timeline.layers import Layer
from loki_core.timeline.performance import frame_count, frame_rate, lost_frames, spans
from loki_core.timeline.slots import sides_of, slots_of
from loki_core.timeline.state import (
    RenderChoice,
    StudioState,
    hand_layer,
    motion_layer,
    selected_layer,
    values_at_playhead,
    work_hash,
)

__all__ = ["report_library", "report_studio"]


def report_studio(session: Session) -> Reply:
    """The present state and what follows from it."""
    with session.lock:
        state = session.state
        hand, motion = hand_layer(state), motion_layer(state)
        return {
            "portrait": state.portrait,
            "motion": motion.source if motion else "",
            "layers": [_layer(layer, state) for layer in _shown(state)],
            "selected": selected_layer(state).id,
            "hand": hand.id,
            "trim": state.trim,
            "look": asdict(state.look),
            "controls": sorted(values_at_playhead(state).items()),
            "tracks": {
                name: [(key.frame, key.value, key.interpolation, key.left, key.right) for key in curve.keys]
                for name, curve in hand.tracks.curves
            },
            "render": _render(state.render),
            "expressions": [{"name": own.name, "label": own.label, "tags": own.tags} for own in state.expressions],
            # it names pictures that are drawn while one works
            "hash": work_hash(replace(state, render=RenderChoice(), expressions=())),
            "revision": session.revision,
            "can_undo": bool(session.history.past),
            "can_redo": bool(session.history.future),
            "frame_count": session.frame_count(state),
            "fps": state.fps,
            "lost": _lost(session, state),
            "heard": sound_name(session),
            "upload_limit": session.stage.limits.upload_megabytes,
        }


def _render(choice: RenderChoice) -> Reply:
    """What renders, the value of each of its settings, and what it lacks on this machine: a sentence, empty for nothing."""
    kind = renderer_kind(choice.renderer)
    values = complete(kind.settings, dict(choice.settings))
    lacking = kind.lacking(values)
    return {"renderer": kind.key, "settings": values, "lacking": "" if lacking is None else sentence(lacking)}


def _shown(state: StudioState) -> tuple[Layer, ...]:
    """The layers, and the one that edits go to even before anything is set in it."""
    hand = hand_layer(state)
    return state.layers if hand in state.layers else (*state.layers, hand)


def _layer(layer: Layer, state: StudioState) -> Reply:
    """Its plain fields, and what its weight is at the playhead."""
    frame = state.look.frame
    told = {
        name: getattr(layer, name)
        for name in ("id", "source", "mode", "first", "stop", "offset", "speed", "extend", "mute", "solo")
    }
    return {
        **told,
        "name": name_in(layer.name) or say("layer_hand"),
        "by_hand": layer.by_hand,
        "sound": layer.sound is not None,
        "weight": float(sample(layer.weight, np.array([float(frame)]))[0]) if layer.weight.keys else 1.0,
        "weight_keys": [key.frame for key in layer.weight.keys] if len(layer.weight.keys) > 1 else [],
        "regions": dict(layer.regions),
        "slots": None if layer.by_hand else _slots(layer, state),
        "gains": asdict(layer.retarget),
        "cleaning": asdict(layer.cleaning),
    }


def _slots(layer: Layer, state: StudioState) -> Reply:
    """What pose and expression come from where the layer is one of the two, and what is its own share of it."""
    slots = slots_of(state.layers, layer)
    sources = {name: found.source if found else "" for name, found in (("pose", slots.pose), ("expression", slots.expression))}
    return {**sources, "own": sides_of(layer)}


def _lost(session: Session, state: StudioState) -> list[tuple[int, int]]:
    """Where the lowest performance shows what the tracker was not sure of."""
    layer, act = motion_layer(state), session.act(state)
    if layer is None or act is None:
        return []
    return spans(lost_frames(layer, act.performance, Fraction(*state.fps), session.frame_count(state)))


def report_library(session: Session) -> Reply:
    """Portraits, motions and jobs."""
    with session.lock:
        portraits = [{"id": key, "name": sitter.name} for key, sitter in session.sitters.items()]
        still = {"id": "", "name": say("still"), "length": "", "clip": False, "sound": False}
        own_first = sorted(session.acts.items(), key=lambda item: item[0] in session.stage.motions)
        motions = [
            {
                "id": key,
                "name": name_in(act.name) if key in session.stage.motions else act.name,
                "length": f"{float(frame_count(act.performance) / frame_rate(act.performance)):.1f} s",
                "clip": isinstance(act.performance, Motion),
                "still": frame_count(act.performance) == 1,
                "sound": act.has_sound,
            }
            for key, act in own_first
        ]
        jobs = [job.report() for job in session.jobs.values() if job.id not in session.renders]
        jobs += report_renders(session)
    return {"portraits": portraits, "motions": [still, *motions], "jobs": jobs}
