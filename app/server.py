"""Between a page's scripts and the panels' handlers: whose request it is, and errors as words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from app.requests import Reply, Request
from app.sessions import Session, Sessions
from app.words import say, sentence, speaking
from loki_core.errors import InputError

__all__ = ["Binder", "Handle"]

Handle = Callable[[Session, Request], Reply]
"""A panel's handler. Raises `InputError` with words for the user."""

_log = logging.getLogger(__name__)


class Binder:
    """Turns handlers into what scripts can call.

    Gradio calls these functions without saying whose page asks. So a request brings the session's token, which only its own page
    was told, and nothing is found without it.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def __call__(self, handle: Handle) -> Callable[[Any], Reply]:
        def answer(request: Any) -> Reply:
            with speaking(request.get("language") if isinstance(request, Mapping) else None):
                try:
                    if not isinstance(request, Mapping):
                        raise InputError(say("bad_request"))
                    return handle(self._sessions.find(request.get("token")), request)
                except InputError as error:
                    return {"error": sentence(str(error))}
                except Exception:  # the last door: the page must get an answer
                    _log.exception("%s failed", handle.__name__)
                    return {"error": say("our_fault")}

        answer.__name__ = handle.__name__
        return answer
