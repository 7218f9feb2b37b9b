"""A part of the page: markup that the server writes once, a script that fills it, and the functions that the script may call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

__all__ = ["WIDGETS", "read_source", "widget"]

WIDGETS = Path(__file__).parent

Answer = Callable[[Any], dict[str, Any]]
"""What a script calls: gets and returns what JSON can say."""


@cache
def read_source(name: str) -> str:
    """A script or style sheet that lies beside this file."""
    return (WIDGETS / name).read_text(encoding="utf-8")


def widget(name: str, markup: str, answers: Sequence[Answer] = ()) -> gr.HTML:
    """The part `name`: `markup` with `name`.js and `name`.css.

    The markup and the style sheet are templates to Gradio, so neither may hold a backtick, a backslash, `${` or doubled braces.
    """
    style = read_source(f"{name}.css")
    for text in (markup, style):
        assert not any(sign in text for sign in ("`", "\\", "${", "{{")), f"{name} holds a sign that a template would read"
    return gr.HTML(
        html_template=markup,
        css_template=style,
        js_on_load=read_source(f"{name}.js"),
        server_functions=list(answers),
        apply_default_css=False,
        elem_id=f"ls-{name}",
        elem_classes="ls",
    )
