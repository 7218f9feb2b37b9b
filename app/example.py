"""What is on screen before anything has been dropped: a portrait that may be shown freely, and a motion."""

from __future__ import annotations

import logging

from app.commands.material import EXAMPLE_MOTION, open_example
from app.material import sit
from app.sessions import Session
from app.stage import Sitter, Stage, png
from app.words import say
from loki_core.motion.own_expressions import read_own
from loki_core.motion.presets import ExpressionPreset
from loki_core.project.contents import StoredFile
from loki_core.timeline.history import History
from loki_core.timeline.performance import frame_rate
from loki_core.timeline.state import StudioState, with_motion

__all__ = ["furnish", "load_example"]

_PORTRAIT = "example"

_log = logging.getLogger(__name__)


def load_example(stage: Stage) -> Sitter:
    """The example portrait, ready to be moved."""
    portrait = open_example(stage.head)
    return sit(stage, say("example"), portrait, StoredFile(png(portrait.image), ".png"))


def furnish(sitter: Sitter, session: Session) -> None:
    """Give a new session the example, the motion presets and the user's own expressions; undo does not go back behind them."""
    with session.lock:
        session.sitters[_PORTRAIT] = sitter
        session.acts.update(session.stage.motions)
        act = session.acts[EXAMPLE_MOTION]
        empty = StudioState(portrait=_PORTRAIT, expressions=_kept(session))
        state = with_motion(empty, EXAMPLE_MOTION, act.name, frame_rate(act.performance))
        session.replace_history(History(state))


def _kept(session: Session) -> tuple[ExpressionPreset, ...]:
    """The user's own expressions of earlier sessions; those that cannot be read are named in the log."""
    if session.stage.own is None:
        return ()
    kept, problems = read_own(session.stage.own)
    for problem in problems:
        _log.warning(say("skipped_preset", reason=problem.reason))
    return tuple(kept)
