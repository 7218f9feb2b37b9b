"""Rendering to a file: format, range, progress, cancel, result."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from app.output import FORMATS, Order, render_order
from app.report import report_library
from app.requests import Reply, Request, flag, integer, text
from app.server import Binder
from app.sessions import Session
from app.widgets.widget import widget
from app.words import say
from loki_core.errors import InputError
from loki_core.render.base import Progress

__all__ = ["build", "start_render"]


def build(bind: Binder) -> gr.HTML:
    """Lay out the choices, the button and the place of the result."""
    formats = "".join(f'<option value="{key}">{say(f"format_{key}")}</option>' for key in FORMATS)
    markup = f"""
    <label class="field">{say("format")}<select name="ls-format">{formats}</select></label>
    <label class="field">{say("what")}<select name="ls-frames">
      <option value="range"></option><option value="frame">{say("range_frame")}</option></select></label>
    <label class="check" data-part="sound" hidden><input type="checkbox" name="ls-sound" checked>{say("sound")}</label>
    <label class="check"><input type="checkbox" name="ls-panel">{say("panel")}</label>
    <label class="check"><input type="checkbox" name="ls-project" checked>{say("project_inside")}</label>
    <button type="button" class="primary" data-part="render" disabled>{say("render")}</button>
    <div data-part="work" hidden>
      <span data-part="title" role="status"></span><progress></progress>
      <button type="button" class="plain" data-part="cancel">{say("cancel")}</button>
    </div>
    <div class="result">
      <h2>{say("result")}</h2>
      <div data-part="preview"><p class="quiet" data-part="empty">{say("no_result")}</p></div>
      <a data-part="download" hidden></a>
    </div>"""
    return widget("render", markup, [bind(start_render)])


def start_render(session: Session, request: Request) -> Reply:
    """Begin to render the work as it is now; later edits do not touch it."""
    order = Order(
        state=session.state,
        format=text(request, "format"),
        frame=integer(request, "frame") if text(request, "frames") == "frame" else None,
        sound=flag(request, "sound"),
        panel=flag(request, "panel"),
        project=flag(request, "project"),
    )
    if order.state.portrait not in session.sitters:
        raise InputError(say("no_portrait"))

    def work(progress: Progress, cancelled: Callable[[], bool]) -> Reply:
        return render_order(session, order, progress, cancelled)

    title = say("rendering", name=session.sitters[order.state.portrait].name)
    session.start("render", title, work)
    return {"library": report_library(session)}
