"""Expressions as a gallery, each shown on the portrait itself: the studio's and the user's own."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.expression_edits import expressions_of
from app.material import stamp_of
from app.pictures import draw_expression
from app.requests import Reply, Request, listing, text
from app.server import Binder
from app.sessions import Session
from app.stage import data_url
from app.widgets.icons import icon
from app.widgets.widget import widget
from app.words import GROUPS, name_in, say
from loki_core.motion.presets import ExpressionPreset
from loki_core.timeline.layers import REGIONS

__all__ = ["build", "thumbnails"]


def build(bind: Binder, expressions: list[ExpressionPreset]) -> gr.HTML:
    """Lay out a button for each preset; own ones and the pictures come later."""
    markup = f"""
    <div class="tools">
      <input type="search" placeholder="{say("find_preset")}" aria-label="{say("find_preset")}">
      <label class="strength"><span>{say("expression_strength")}</span>
        <input type="range" name="ls-strength" min="0" max="1" step="0.01" value="1"><output>1.00</output></label>
      <details class="regions"><summary title="{_safe("expression_regions_help")}">{say("expression_regions")}
        <span class="quiet" data-part="regions">{say("expression_all")}</span></summary>
        <div class="chips" role="group" aria-label="{say("expression_regions")}">{"".join(map(_chip, REGIONS))}</div></details>
      <form class="save">
        <input type="text" maxlength="200" placeholder="{say("expression_save_name")}" aria-label="{say("expression_save_name")}">
        <button type="submit" class="plain" title="{_safe("expression_save_help")}">{say("expression_save")}</button>
      </form>
    </div>
    <div class="scroll">
      <template>{_own()}</template>
      <div class="gallery" data-part="own"></div>
      <div class="gallery">{"".join(map(_button, expressions))}</div>
      <p class="quiet" data-part="none" hidden>{say("none_found")}</p>
    </div>"""
    return widget("expressions", markup, [bind(thumbnails)])


def _safe(key: str) -> str:
    return escape(say(key), quote=True)


def _chip(region: str) -> str:
    return f'<label><input type="checkbox" name="{region}" checked>{say(GROUPS.get(region, region))}</label>'


def _button(preset: ExpressionPreset) -> str:
    name = name_in(preset.label)
    words = escape(f"{name} {preset.label} {' '.join(preset.tags)}".lower(), quote=True)
    label, does = escape(name, quote=True), escape(say("expression_drag", label=name), quote=True)
    return f"""<button type="button" draggable="true" data-preset="{preset.name}" data-search="{words}" title="{does}">
      <img alt="" draggable="false"><span>{label}</span></button>"""


def _own() -> str:
    """An expression of the user's own; the script writes its labels."""
    return f"""<div class="mine"><button type="button" draggable="true"><img alt="" draggable="false"><span></span></button>
      <input type="text" maxlength="60" hidden>
      <button type="button" data-do="rename">{icon("rename")}</button>
      <button type="button" data-do="delete">{icon("delete")}</button></div>"""


def thumbnails(session: Session, request: Request) -> Reply:
    """The named expressions on a portrait, as small pictures. Names that are not known are left out."""
    key = text(request, "portrait")
    small, known = stamp_of(session, key), expressions_of(session)
    names = [name for name in listing(request, "names")[:8] if isinstance(name, str) and name in known]
    return {"pictures": {name: data_url(draw_expression(session.stage, small, known[name])) for name in names}}
