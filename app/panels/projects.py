"""Work as a file: saved, opened, and taken up again after a lost tab or a killed server."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from app.autosave import Autosave
from app.material import take_upload
from app.projects import open_in, project_of, read_any
from app.report import report_library, report_studio
from app.requests import Reply, Request, optional_text, text
from app.sessions import Session
from app.words import say
from loki_core.errors import InputError
from loki_core.project.document import save_project

__all__ = ["keep_and_take_up", "open_project", "save_work"]


def save_work(session: Session, request: Request) -> Reply:
    """Write the work into a file, and say where it is."""
    state = session.state
    if state.portrait not in session.sitters:
        raise InputError(say("no_portrait"))
    project = project_of(session, state)
    folder = session.folder / f"project-{secrets.token_hex(4)}"
    folder.mkdir()
    path = folder / f"{project.title}.loki"
    save_project(path, project)
    return {"path": str(path), "name": path.name}


def open_project(session: Session, request: Request) -> Reply:
    """Take up an uploaded project, or the one that a picture or video carries. `found`: whether there was one."""
    project = read_any(session, take_upload(session, text(request, "path")), text(request, "name"))
    if project is None:
        return {"found": False}
    open_in(session, project)
    return {"found": True, "library": report_library(session), "studio": report_studio(session)}


def keep_and_take_up(autosave: Autosave) -> tuple[Callable[[Session, Request], Reply], Callable[[Session, Request], Reply]]:
    """The handlers of kept work: to keep this session's and hear of others, and to take one of those up."""

    def keep_work(session: Session, request: Request) -> Reply:
        left = optional_text(request, "left")
        if left is not None:
            autosave.end(left)
        found = autosave.attach(session, text(request, "key"))
        kept = [{"id": work.id, "minutes": round(work.seconds / 60)} for work in found]
        return {"kept": kept, "library": report_library(session)}

    def take_up(session: Session, request: Request) -> Reply:
        open_in(session, autosave.take_up(text(request, "key"), text(request, "id"), session.stage.head.id))
        return {"library": report_library(session), "studio": report_studio(session)}

    return keep_work, take_up
