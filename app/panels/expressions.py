"""Expression presets as a gallery, each shown on the portrait itself."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.material import stamp
from app.pictures import draw_expression
from app.requests import Reply, Request, listing, text
from app.server import Binder
from app.sessions import Session
from app.stage import data_url
from app.widgets.widget import widget
from app.words import name_in, say
from loki_core.errors import InputError
from loki_core.motion.presets import ExpressionPreset

__all__ = ["build", "thumbnails"]


def build(bind: Binder, expressions: list[ExpressionPreset]) -> gr.HTML:
    """Lay out a button for each preset; the pictures come later."""
    markup = f"""
    <div class="tools"><input type="search" placeholder="{say("find_preset")}" aria-label="{say("find_preset")}"></div>
    <div class="scroll">
      <div class="gallery">{"".join(map(_button, expressions))}</div>
      <p class="quiet" data-part="none" hidden>{say("none_found")}</p>
    </div>"""
    return widget("expressions", markup, [bind(thumbnails)])


def _button(preset: ExpressionPreset) -> str:
    name = name_in(preset.label)
    words = escape(f"{name} {preset.label} {' '.join(preset.tags)}".lower(), quote=True)
    label = escape(name, quote=True)
    return f"""<button type="button" data-preset="{preset.name}" data-search="{words}" title="{label}">
      <img alt=""><span>{label}</span></button>"""


def thumbnails(session: Session, request: Request) -> Reply:
    """The named expressions on a portrait, as small pictures. Names that are not known are left out."""
    key = text(request, "portrait")
    if key not in session.sitters:
        raise InputError(say("bad_request"))
    if key not in session.stamps:
        session.stamps[key] = stamp(session.stage, session.sitters[key].full)
    small, known = session.stamps[key], session.stage.expressions
    names = [name for name in listing(request, "names")[:8] if isinstance(name, str) and name in known]
    return {"pictures": {name: data_url(draw_expression(session.stage, small, known[name])) for name in names}}
