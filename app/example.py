"""What is on screen before anything has been dropped: a portrait that may be shown freely, and a motion."""

from __future__ import annotations

import skimage.data

from app.material import sit
from app.sessions import Session
from app.stage import Sitter, Stage
from app.words import say
from loki_core.timeline.history import History
from loki_core.timeline.state import StudioState
from loki_core.track.portrait import fit_portrait

__all__ = ["furnish", "load_example"]

_PORTRAIT, _MOTION = "example", "showreel"


def load_example(stage: Stage) -> Sitter:
    """Astronaut Eileen Collins, photographed by NASA (public domain); the picture comes with scikit-image."""
    return sit(stage, say("example"), fit_portrait(skimage.data.astronaut(), stage.head))


def furnish(sitter: Sitter, session: Session) -> None:
    """Give a new session the example and the motion presets; undo does not go back behind them."""
    with session.lock:
        session.sitters[_PORTRAIT] = sitter
        session.acts.update(session.stage.motions)
        motion = _MOTION if _MOTION in session.acts else ""
        session.replace_history(History(StudioState(portrait=_PORTRAIT, motion=motion)))
