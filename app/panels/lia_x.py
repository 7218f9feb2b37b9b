"""LIA-X: its directions as sliders, the portrait with them, and the way that one of them leads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape

import gradio as gr

from app.lia_x import LiaXDesk
from app.server import Binder
from app.widgets.icons import icon
from app.widgets.widget import widget
from app.words import name_in, say
from loki_core.head.controls import LATENT_CONTROLS, Control
from loki_core.lia_x.directions import DIRECTIONS
from loki_core.motion.dictionary import MotionDirection, motion_directions
from loki_core.render.kinds import renderer_kind

__all__ = ["build"]

_STRIP = 7
"""Pictures of a sweep."""
_RANGES = {direction.index: (direction.minimum, direction.maximum) for direction in DIRECTIONS}
_UNNAMED = (-0.5, 0.5)
"""Range of a slider whose direction has no name; the box beside it takes more."""


def build(bind: Binder) -> gr.HTML:
    """Lay out the picture, the sweep and the sliders: those with names by group, and all in a list that unfolds."""
    groups = "".join(
        _group(say(f"liax_{group}"), [d.index for d in DIRECTIONS if d.group == group], opened=group == "head")
        for group in dict.fromkeys(d.group for d in DIRECTIONS)
    )
    strip = "".join('<button type="button"><img alt=""><span></span></button>' for _ in range(_STRIP))
    desk = LiaXDesk()
    markup = f"""
    <p class="quiet" data-part="lacking" role="status" hidden></p>
    <div class="top" data-network hidden>
      <img data-part="picture" alt="{say("liax_picture")}">
      <div>
        <p class="quiet">{say("liax_help")}</p>
        <button type="button" class="plain" data-do="align" title="{say("liax_align_help")}">{say("liax_align")}</button>
        <button type="button" class="plain" data-do="reset">{say("reset_all")}</button>
      </div>
    </div>
    <section data-part="sweep" hidden><h2></h2><div class="strip">{strip}</div></section>
    <div class="scroll">
      <div data-network hidden>{groups}{_group(say("liax_all"), range(len(LATENT_CONTROLS)), opened=False)}</div>
      {_pushes()}
      <p class="quiet licence" data-network hidden>{escape(name_in(renderer_kind("lia-x").licence))}</p>
    </div>"""
    return widget("lia_x", markup, [bind(desk.lia_x_picture), bind(desk.lia_x_align)])


def _pushes() -> str:
    """Sliders that push the face along what units tend to do together; they need no network."""
    rows, about = "".join(map(_push, motion_directions())), say("liax_push_help")
    return f'<details><summary>{say("liax_push")}</summary><p class="quiet">{about}</p>{rows}</details>'


def _push(direction: MotionDirection) -> str:
    label, units = escape(name_in(direction.label), quote=True), escape(json.dumps(direction.units), quote=True)
    return f"""
      <div data-push="{units}" title="{label}"><span>{label}</span>
        <input type="range" aria-label="{label}" min="-1" max="1" step="0.02" value="0"></div>"""


def _group(label: str, indices: Iterable[int], *, opened: bool) -> str:
    rows = "".join(_row(index, LATENT_CONTROLS[index]) for index in indices)
    return f'<details{" open" if opened else ""}><summary>{label} <span class="count"></span></summary>{rows}</details>'


def _row(index: int, control: Control) -> str:
    low, high = _RANGES.get(index, _UNNAMED)
    name = name_in(control.label)
    label, key = escape(name, quote=True), escape(say("key_here", control=name), quote=True)
    value = escape(say("value_of", control=name, unit=say(control.unit)), quote=True)
    return f"""
      <div data-direction="{control.name}" data-index="{index}" title="{escape(name_in(control.help), quote=True)}">
        <span>{label}</span>
        <input type="range" aria-label="{label}" min="{low:g}" max="{high:g}" step="0.01" value="0">
        <input type="number" aria-label="{value}" min="{control.minimum:g}" max="{control.maximum:g}" step="0.01" value="0">
        <button type="button" data-key aria-pressed="false" aria-label="{key}" title="{key}">{icon("key")}</button>
      </div>"""
