"""What is on screen before anything has been dropped: a portrait that may be shown freely, and a motion."""

from __future__ import annotations

from app.commands.material import EXAMPLE_MOTION, open_example
from app.material import sit
from app.sessions import Session
from app.stage import Sitter, Stage, png
from app.words import say
from loki_core.project.contents import StoredFile
from loki_core.timeline.history import History
from loki_core.timeline.performance import frame_rate
from loki_core.timeline.state import StudioState, with_motion

__all__ = ["furnish", "load_example"]

_PORTRAIT = "example"


def load_example(stage: Stage) -> Sitter:
    """The example portrait, ready to be moved."""
    portrait = open_example(stage.head)
    return sit(stage, say("example"), portrait, StoredFile(png(portrait.image), ".png"))


def furnish(sitter: Sitter, session: Session) -> None:
    """Give a new session the example and the motion presets; undo does not go back behind them."""
    with session.lock:
        session.sitters[_PORTRAIT] = sitter
        session.acts.update(session.stage.motions)
        act = session.acts[EXAMPLE_MOTION]
        state = with_motion(StudioState(portrait=_PORTRAIT), EXAMPLE_MOTION, act.name, frame_rate(act.performance))
        session.replace_history(History(state))
