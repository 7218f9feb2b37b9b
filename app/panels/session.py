"""What belongs to the page as a whole: whose session it is, how it stands, and its running jobs."""

from __future__ import annotations

import gradio as gr

from app.report import report_library, report_studio
from app.requests import Reply, Request, text
from app.server import Binder
from app.sessions import Session
from app.widgets.widget import widget

__all__ = ["build", "cancel_job", "snapshot"]


def build(bind: Binder) -> gr.HTML:
    """A part that shows nothing; its value is the session's token."""
    return widget("link", "", [bind(snapshot), bind(cancel_job)])


def snapshot(session: Session, request: Request) -> Reply:
    """All that a page needs to draw itself."""
    return {"library": report_library(session), "studio": report_studio(session)}


def cancel_job(session: Session, request: Request) -> Reply:
    """Ask a job to stop."""
    job = session.jobs.get(text(request, "id"))
    if job is not None:
        job.cancel()
        job.forget()
    return {"library": report_library(session)}
