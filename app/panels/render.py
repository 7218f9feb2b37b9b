"""Rendering to files: what, how long it will take, the queue, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from types import MappingProxyType

import gradio as gr

from app.output import FORMATS
from app.renders import cancel, foresee, go_on, lift, place, remove
from app.report import report_library
from app.requests import Reply, Request, text
from app.server import Binder
from app.sessions import Session
from app.widgets.icons import icon, icon_button
from app.widgets.widget import widget
from app.words import name_in, say
from loki_core.errors import InputError
from loki_core.render.kinds import RENDERERS, RendererKind
from loki_core.render.settings import Setting

__all__ = ["build", "change_render", "foresee_render", "start_render"]


def build(bind: Binder) -> gr.HTML:
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
    <div class="order">
      <p class="quiet" data-part="foreseen" role="status"></p>
      <button type="button" class="primary" data-part="render" disabled>{say("render")}</button>
    </div>
    <div class="made scroll">
      <ul data-part="queue" aria-label="{say("queue")}"></ul>
      <div class="head"><h2>{say("result")}</h2>
        <button type="button" class="plain" data-part="compare" hidden>{say("compare")}</button></div>
      <ul data-part="gallery" aria-label="{say("gallery")}"></ul>
      <div data-part="preview"><p class="quiet" data-part="empty">{say("no_result")}</p></div>
      <div class="tools" data-part="tools" hidden>
        <a data-part="download"></a>
        <button type="button" class="plain" data-do="a" title="{say("compare_a")}" aria-label="{say("compare_a")}">A</button>
        <button type="button" class="plain" data-do="b" title="{say("compare_b")}" aria-label="{say("compare_b")}">B</button>
        {icon_button("delete", "queue_remove")}
      </div>
    </div>
    {_templates()}
    {_compare()}"""
    return widget("render", markup, [bind(start_render), bind(foresee_render), bind(change_render)])


def _templates() -> str:
    """A line of the queue, and a result among others."""
    return f"""
    <template data-part="row"><li>
      <img alt="" width="40" height="40"><span data-part="name"></span><span data-part="state" role="status"></span>
      <span class="does">
        {icon_button("up", "queue_up")}
        <button type="button" class="plain" data-do="go_on">{say("resume")}</button>
        <button type="button" class="plain" data-do="again">{say("queue_again")}</button>
        <button type="button" class="plain" data-do="cancel">{say("cancel")}</button>
        {icon_button("delete", "forget")}
      </span><progress></progress></li></template>
    <template data-part="tile"><li><button type="button"><img alt=""><span></span><b></b></button></li></template>"""


def _compare() -> str:
    """Two results against each other."""
    modes = "".join(
        f'<label><input type="radio" name="ls-compare" value="{mode}"><span>{say(f"compare_{mode}")}</span></label>'
        for mode in ("wipe", "side")
    )
    return f"""
    <dialog data-part="overlay" tabindex="-1" aria-label="{say("compare")}">
      <div class="head">
        <b>A</b><span data-part="a"></span><b>B</b><span data-part="b"></span>
        <button type="button" class="plain" data-do="swap">{say("compare_swap")}</button>
        <span class="gap"></span>
        <span class="views" role="radiogroup" aria-label="{say("view")}">{modes}</span>
        <button type="button" class="plain" data-do="close">{say("close")}</button>
      </div>
      <div data-part="pair"></div>
      <input type="range" data-part="wipe" min="0" max="100" step="0.5" value="50" aria-label="{say("wipe")}">
      <div class="foot play">
        <button type="button" data-do="play" data-part="play" title="{say("play")}" aria-label="{say("play")}">
          {icon("play")}{icon("pause")}</button>
        <input type="range" data-part="seek" min="0" max="1" step="0.001" value="0" aria-label="{say("scrub")}">
        <span data-part="clock"></span>
      </div>
    </dialog>"""


def _renderers() -> str:
    return "".join(
        f'<option value="{kind.key}" title="{escape(f"{name_in(kind.help)} {name_in(kind.licence)}", quote=True)}">'
        f"{escape(name_in(kind.label))}</option>"
        for kind in RENDERERS.values()
    )


def _settings(kind: RendererKind) -> str:
    """What can be set of a renderer: shown while it is chosen."""
    rows, rare = ("".join(_setting(setting) for setting in kind.settings if setting.rare == is_rare) for is_rare in (False, True))
    more = f"<details><summary>{say('render_more')}</summary>{rare}</details>" if rare else ""
    return f'<fieldset data-renderer="{kind.key}" aria-label="{escape(name_in(kind.label))}" hidden>{rows}{more}</fieldset>'


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
    """Put the work as it is now into the queue; later edits do not touch it."""
    place(session, session.state, request)
    return {"library": report_library(session)}


def foresee_render(session: Session, request: Request) -> Reply:
    """What a render would take, and which frames are finished."""
    return {"foreseen": foresee(session, request)}


def change_render(session: Session, request: Request) -> Reply:
    """Cancel, go on with, lift or remove a render of the queue."""
    does, name = text(request, "do"), text(request, "id")
    if does not in _CHANGES:
        raise InputError(say("bad_request"))
    _CHANGES[does](session, name)
    return {"library": report_library(session)}


_CHANGES: Mapping[str, Callable[[Session, str], None]] = MappingProxyType(
    {"cancel": cancel, "go_on": go_on, "lift": lift, "remove": remove}
)
