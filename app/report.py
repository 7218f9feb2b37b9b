"""What a page is told: the work after every edit, the material and the jobs when they change."""

from __future__ import annotations

from dataclasses import asdict

from app.requests import Reply
from app.sessions import Session
from app.words import say
from loki_core.motion.clip import Motion
from loki_core.timeline.performance import frame_count, frame_rate, lost_spans
from loki_core.timeline.state import values_at_playhead, work_hash

__all__ = ["report_library", "report_studio"]


def report_studio(session: Session) -> Reply:
    """The present state and what follows from it."""
    with session.lock:
        state, performance = session.state, session.performance
        return {
            **asdict(state),
            "controls": sorted(values_at_playhead(state).items()),
            "tracks": {
                name: [(key.frame, key.value, key.interpolation, key.left, key.right) for key in curve.keys]
                for name, curve in state.tracks.curves
            },
            "hash": work_hash(state),
            "revision": session.revision,
            "can_undo": bool(session.history.past),
            "can_redo": bool(session.history.future),
            "frame_count": frame_count(performance),
            "fps": frame_rate(performance).as_integer_ratio(),
            "lost": lost_spans(performance),
            "upload_limit": session.stage.limits.upload_megabytes,
        }


def report_library(session: Session) -> Reply:
    """Portraits, motions and jobs."""
    with session.lock:
        portraits = [{"id": key, "name": sitter.name} for key, sitter in session.sitters.items()]
        still = {"id": "", "name": say("still"), "length": "", "clip": False, "sound": False}
        own_first = sorted(session.acts.items(), key=lambda item: item[0] in session.stage.motions)
        motions = [
            {
                "id": key,
                "name": act.name,
                "length": f"{float(frame_count(act.performance) / frame_rate(act.performance)):.1f} s",
                "clip": isinstance(act.performance, Motion),
                "sound": act.has_sound,
            }
            for key, act in own_first
        ]
        jobs = [job.report() for job in session.jobs.values()]
    return {"portraits": portraits, "motions": [still, *motions], "jobs": jobs}
