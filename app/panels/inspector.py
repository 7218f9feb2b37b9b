"""Every control of the table as a slider with a number box, by region."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.material import stamp_of
from app.pictures import draw_face
from app.requests import Reply, Request, text
from app.server import Binder
from app.sessions import Session
from app.stage import data_url
from app.widgets.icons import icon
from app.widgets.widget import widget
from app.words import GROUPS, name_in, say
from loki_core.head.controls import CONTROLS, Control, control

__all__ = ["build", "control_picture"]

_OPEN = ("brows", "lids")
"""Regions that are unfolded at first."""


def build(bind: Binder) -> gr.HTML:
    """Lay out the sliders, in the order of the table."""
    names = list(dict.fromkeys(c.group for c in CONTROLS))
    groups = "".join(_group(name, [c for c in CONTROLS if c.group == name]) for name in names)
    markup = f"""
    <div class="tools">
      <input type="search" placeholder="{say("find")}" aria-label="{say("find")}">
      <label><input type="checkbox" data-linked checked>{say("linked")}</label>
      <button type="button" data-reset-all disabled>{say("reset_all")}</button>
    </div>
    <div class="scroll">{groups}</div>"""
    return widget("inspector", markup, [bind(control_picture)])


def _group(name: str, controls: list[Control]) -> str:
    label = say(GROUPS.get(name, name))
    reset = escape(say("reset_group", group=label.lower()), quote=True)
    return f"""
    <details{" open" if name in _OPEN else ""}>
      <summary>{label} <span class="count"></span>
        <button type="button" data-reset-group title="{reset}" aria-label="{reset}" disabled>{say("reset")}</button></summary>
      {"".join(map(_row, controls))}
    </details>"""


def _row(control: Control) -> str:
    step = 0.01 if control.unit == "share" else 0.1
    limits = f'min="{control.minimum:g}" max="{control.maximum:g}" step="{step:g}" value="{control.default:g}"'
    name = name_in(control.label)
    label, does = escape(name, quote=True), escape(name_in(control.help), quote=True)
    value = escape(say("value_of", control=name, unit=say(control.unit)), quote=True)
    key = escape(say("key_here", control=name), quote=True)
    search = escape(f"{name} {control.label} {control.name} {control.group}".lower(), quote=True)
    return f"""
      <div data-control="{control.name}" data-label="{label}" data-default="{control.default:g}"
        data-search="{search}" data-help="{does}">
        <label for="ls-{control.name}">{_short_label(control)}</label>
        <input type="range" id="ls-{control.name}" aria-label="{label}" aria-description="{does}" {limits}>
        <input type="number" aria-label="{value}" {limits}>
        <button type="button" data-key aria-pressed="false" aria-label="{key}" title="{key}">{icon("key")}</button>
      </div>"""


def control_picture(session: Session, request: Request) -> Reply:
    """A portrait of the session with one control at the end of its way, small. Raises `InputError` for what is none."""
    name = text(request, "name")
    moved = control(name)
    small = stamp_of(session, text(request, "portrait"))
    return {"picture": data_url(draw_face(session.stage, small, {name: moved.maximum}))}


def _short_label(control: Control) -> str:
    """The label with its side as a letter, which stays in sight where the words do not fit."""
    if control.side is None:
        return f"<span>{escape(name_in(control.label))}</span>"
    return f"<span>{escape(name_in(control.label.removesuffix(f', {control.side}')))}</span><b>{say(control.side)}</b>"
