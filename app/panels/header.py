"""The bar on top: undo, redo, theme, keyboard map."""

from __future__ import annotations

import gradio as gr

from app.widgets.icons import icon_button
from app.widgets.widget import widget
from app.words import say

__all__ = ["build"]

_KEYS = (
    ("Space", "keys_play"),
    ("← →", "keys_step"),
    ("Home End", "keys_ends"),
    ("I O X", "keys_range"),
    ("L", "keys_loop"),
    ("1 2 3 4 5", "keys_views"),
    ("V G H N J E", "keys_tools"),
    ("K A , .", "keys_keys"),
    ("Alt", "keys_alt"),
    ("Shift", "keys_shift"),
    ("F", "keys_fit"),
    ("Ctrl+Z Ctrl+Shift+Z", "keys_undo"),
    ("Delete", "keys_slider"),
    ("?", "keys_help"),
)


def build() -> gr.HTML:
    """Lay the bar out. Also holds the place where messages appear."""
    rows = "".join(
        f"<dt>{' '.join(f'<kbd>{key}</kbd>' for key in keys.split())}</dt><dd>{say(words)}</dd>" for keys, words in _KEYS
    )
    markup = f"""
    <h1>Loki <b>Studio</b></h1>
    {icon_button("undo", "undo", attributes='data-part="undo" disabled')}
    {icon_button("redo", "redo", attributes='data-part="redo" disabled')}
    <span class="gap"></span>
    {icon_button("theme", "theme")}
    {icon_button("keys", "keys")}
    <div id="ls-toasts" role="status" aria-live="polite"></div>
    <dialog aria-label="{say("keys_title")}"><h2>{say("keys_title")}</h2><dl>{rows}</dl>
    <button type="button" class="plain" data-do="close">{say("close")}</button></dialog>"""
    return widget("header", markup)
