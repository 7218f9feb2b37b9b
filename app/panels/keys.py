"""Keys of the controls over time: a dope sheet, or their curves."""

from __future__ import annotations

import json
from html import escape

import gradio as gr

from app.widgets.icons import icon_button
from app.widgets.widget import widget
from app.words import name_in, say
from loki_core.head.controls import CONTROLS, LATENT_CONTROLS
from loki_core.timeline.curves import INTERPOLATIONS

__all__ = ["build"]


def build() -> gr.HTML:
    """Lay out the buttons and the sheet, which appears with the first key."""
    every = (*CONTROLS, *LATENT_CONTROLS)
    table = [(c.name, name_in(c.label), c.unit, say(c.unit), c.minimum, c.maximum) for c in every]
    controls = json.dumps(table, ensure_ascii=False)
    kinds = "".join(f'<option value="{kind}">{say(f"keys_{kind}")}</option>' for kind in INTERPOLATIONS)
    markup = f"""
    <div class="row" role="group" aria-label="{say("keys_sheet")}">
      <h2>{say("keys_sheet")}</h2>
      {icon_button("key", "keys_set")}
      {icon_button("autokey", "keys_auto", attributes='data-part="autokey"')}
      {icon_button("previous", "keys_previous")}{icon_button("next", "keys_next")}
      {icon_button("graph", "curves_graph", attributes='data-part="graph" aria-pressed="false"')}
      <span class="quiet" data-part="empty">{say("keys_empty")}</span>
      <span class="gap"></span>
      <select data-part="interpolation" aria-label="{say("keys_interpolation")}" title="{say("keys_interpolation")}" disabled>
        <option value="" hidden>{say("keys_way")}</option>{kinds}</select>
      {icon_button("copy", "keys_copy", attributes='data-part="copy" disabled')}
      {icon_button("paste", "keys_paste", attributes='data-part="paste" disabled')}
      {icon_button("mirror", "keys_mirror", attributes='data-part="mirror" disabled')}
      {icon_button("delete", "keys_delete", attributes='data-part="delete" disabled')}
    </div>
    <div class="sheet scroll" data-controls="{escape(controls, quote=True)}" hidden>
      <canvas tabindex="0" role="application" aria-label="{say("keys_sheet")}"></canvas></div>"""
    return widget("keys", markup)
