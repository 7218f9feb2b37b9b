"""Rendering to a file: format, range, progress, cancel, result."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import gradio as gr

from app.autosave import Autosave
from app.output import FORMATS, Order, render_order
from app.projects import adopt
from app.renders import remember
from app.report import report_library
from app.requests import Reply, Request, flag, integer, text
from app.server import Binder
from app.sessions import Session
from app.widgets.widget import widget
from app.words import name_in, say
from loki_core.errors import InputError
from loki_core.render.base import Progress
from loki_core.render.kinds import RENDERERS, RendererKind
from loki_core.render.settings import Setting
from loki_core.timeline.state import StudioState

__all__ = ["begin_render", "build", "resume_render", "start_render"]


def build(bind: Binder, autosave: Autosave) -> gr.HTML:
    """Lay out the choices, the button and the place of the result."""
    formats = "".join(f'<option value="{key}">{say(f"format_{key}")}</option>' for key in FORMATS)
    markup = f"""
    <div class="choices scroll">
    <label class="field">{say("render_by")}<select name="ls-renderer">{_renderers()}</select></label>
    <p class="quiet" data-part="lacking" hidden></p>
    {"".join(_settings(kind) for kind in RENDERERS.values() if kind.settings)}
    <label class="field">{say("format")}<select name="ls-format">{formats}</select></label>
    <label class="field">{say("what")}<select name="ls-frames">
      <option value="range"></option><option value="frame">{say("range_frame")}</option></select></label>
    <label class="check" data-part="sound" hidden><input type="checkbox" name="ls-sound" checked>{say("sound")}</label>
    <label class="check"><input type="checkbox" name="ls-panel">{say("panel")}</label>
    <label class="check"><input type="checkbox" name="ls-project" checked>{say("project_inside")}</label>
    </div>
    <button type="button" class="primary" data-part="render" disabled>{say("render")}</button>
    <div data-part="interrupted" hidden>
      <span></span><button type="button" class="plain" data-do="resume">{say("resume")}</button>
      <button type="button" data-do="forget" title="{say("forget")}" aria-label="{say("forget")}">✕</button>
    </div>
    <div data-part="work" hidden>
      <span data-part="title" role="status"></span><progress></progress>
      <button type="button" class="plain" data-part="cancel">{say("cancel")}</button>
    </div>
    <div class="result">
      <h2>{say("result")}</h2>
      <div data-part="preview"><p class="quiet" data-part="empty">{say("no_result")}</p></div>
      <a data-part="download" hidden></a>
    </div>"""
    return widget("render", markup, [bind(start_render), bind(resume_render(autosave))])


def _renderers() -> str:
    return "".join(
        f'<option value="{kind.key}" title="{escape(f"{name_in(kind.help)} {name_in(kind.licence)}", quote=True)}">'
        f"{escape(name_in(kind.label))}</option>"
        for kind in RENDERERS.values()
    )


def _settings(kind: RendererKind) -> str:
    """What can be set of a renderer: shown while it is chosen."""
    rows = "".join(map(_setting, kind.settings))
    return f'<fieldset data-renderer="{kind.key}" aria-label="{escape(name_in(kind.label))}" hidden>{rows}</fieldset>'


def _setting(setting: Setting) -> str:
    label, title = escape(name_in(setting.label)), escape(name_in(setting.help), quote=True)
    data = f'data-setting="{setting.name}" data-kind="{setting.kind}"'
    if setting.kind == "switch":
        return f'<label class="check" title="{title}"><input type="checkbox" {data}>{label}</label>'
    if setting.kind == "choice":
        options = "".join(f'<option value="{key}">{escape(name_in(words))}</option>' for key, words in setting.choices)
        return f'<label class="row" title="{title}"><span>{label}</span><select {data}>{options}</select></label>'
    data += f' min="{setting.minimum:g}" max="{setting.maximum:g}" step="{setting.step:g}" data-rest="{setting.default}"'
    if setting.kind == "whole":
        return f'<label class="row" title="{title}"><span>{label}</span><input type="number" {data}></label>'
    return f'<label class="row" title="{title}"><span>{label}</span><input type="range" {data}><output></output></label>'


def start_render(session: Session, request: Request) -> Reply:
    """Begin to render the work as it is now; later edits do not touch it."""
    begin_render(session, session.state, request)
    return {"library": report_library(session)}


def begin_render(session: Session, state: StudioState, request: Request) -> None:
    """Begin to render a state of this session as the request asks."""
    order = Order(
        state=state,
        format=text(request, "format"),
        frame=integer(request, "frame") if text(request, "frames") == "frame" else None,
        sound=flag(request, "sound"),
        panel=flag(request, "panel"),
        project=flag(request, "project"),
    )
    if state.portrait not in session.sitters:
        raise InputError(say("no_portrait"))
    forget = remember(session, state, request)

    def work(progress: Progress, cancelled: Callable[[], bool]) -> Reply:
        try:
            reply = render_order(session, order, progress, cancelled)
        except InputError:
            forget()
            raise
        forget()
        return reply

    session.start("render", say("rendering", name=session.sitters[state.portrait].name), work, forget)


def resume_render(autosave: Autosave) -> Callable[[Session, Request], Reply]:
    """The handler that takes up a render which was interrupted, or forgets it."""

    def resume(session: Session, request: Request) -> Reply:
        project, order, forget = autosave.take_up_render(text(request, "key"), text(request, "id"), session.stage.head.id)
        if flag(request, "wanted"):
            adopt(session, project)
            begin_render(session, project.state, order)
        forget()
        return {"library": report_library(session)}

    return resume
