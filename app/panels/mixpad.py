"""The mixing pad: a face between four expressions, by hand, and recorded while it plays."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.widgets.widget import widget
from app.words import name_in, say
from loki_core.motion.presets import ExpressionPreset

__all__ = ["build"]

_CORNERS = ("neutral", "smile", "anger", "surprise")
"""What the pad begins with: upper left, upper right, lower left, lower right."""


def build(expressions: list[ExpressionPreset]) -> gr.HTML:
    """Lay out the pad between its corners; the script adds the user's own expressions to what they can be."""
    upper_left, upper_right, lower_left, lower_right = (_corner(number, expressions) for number in range(4))
    markup = f"""
    <details>
      <summary>{say("mixpad")}</summary>
      <div class="board">
        <div class="side">{upper_left}{lower_left}</div>
        <div class="pad" role="slider" tabindex="0" aria-label="{escape(say("mixpad_pad"), quote=True)}" aria-valuemin="0"
          aria-valuemax="100" aria-valuenow="0" title="{escape(say("mixpad_pad"), quote=True)}"><i></i></div>
        <div class="side">{upper_right}{lower_right}</div>
      </div>
      <div class="foot"><p class="quiet">{say("mixpad_hint")}</p>
        <button type="button" class="plain" data-do="record" aria-pressed="false"
          title="{escape(say("mixpad_record_help"), quote=True)}"><i></i><span>{say("mixpad_record")}</span></button></div>
    </details>"""
    return widget("mixpad", markup)


def _corner(number: int, expressions: list[ExpressionPreset]) -> str:
    name = escape(say("mixpad_corner", number=number + 1), quote=True)
    options = "".join(_option(preset, chosen=preset.name == _CORNERS[number]) for preset in expressions)
    return f"""<div class="corner" data-corner="{number}"><img alt="" draggable="false">
      <select aria-label="{name}" title="{name}"><option value="">{say("mixpad_rest")}</option>{options}</select></div>"""


def _option(preset: ExpressionPreset, *, chosen: bool) -> str:
    return f'<option value="{preset.name}"{" selected" if chosen else ""}>{escape(name_in(preset.label))}</option>'
