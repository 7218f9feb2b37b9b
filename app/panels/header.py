"""The bar on top: project, undo, redo, theme, keyboard map."""

from __future__ import annotations

import gradio as gr

from app.autosave import Autosave
from app.panels.projects import keep_and_take_up, open_project, save_work
from app.panels.works import load_templates, menu, work_handlers
from app.recent import Recent
from app.server import Binder
from app.stage import Stage
from app.widgets.icons import icon, icon_button
from app.widgets.widget import widget
from app.words import LANGUAGES, say

__all__ = ["build"]

_OPENS = 'aria-haspopup="dialog" aria-expanded="false"'
_KEYS = (
    ("Space", "keys_play"),
    ("← →", "keys_step"),
    ("Home End", "keys_ends"),
    ("I O X", "keys_range"),
    ("L", "keys_loop"),
    ("1 2 3 4 5", "keys_views"),
    ("V G H N J E", "keys_tools"),
    ("K A , .", "keys_keys"),
    ("Ctrl+C Ctrl+V M", "keys_clipboard"),
    ("Wheel F", "curves_keys"),
    ("Alt", "keys_alt"),
    ("Shift", "keys_shift"),
    ("F", "keys_fit"),
    ("Ctrl+Z Ctrl+Shift+Z", "keys_undo"),
    ("Ctrl+O Ctrl+S", "keys_project"),
    ("Delete", "keys_slider"),
    ("?", "keys_help"),
)


def build(bind: Binder, autosave: Autosave, stage: Stage, recent: Recent) -> gr.HTML:
    """Lay the bar out. Also holds the place where messages appear."""
    templates = load_templates(stage)
    rows = "".join(
        f"<dt>{' '.join(f'<kbd>{key}</kbd>' for key in keys.split())}</dt><dd>{say(words)}</dd>" for keys, words in _KEYS
    )
    languages = "".join(f'<option value="{code}" lang="{code}">{name}</option>' for code, name in LANGUAGES.items())
    markup = f"""
    <h1>Loki <b>Studio</b></h1>
    {icon_button("open", "project_open", attributes=_OPENS)}{icon_button("save", "project_save")}
    {menu(templates)}
    <input type="file" accept=".loki,.png,.mp4" hidden><a download hidden></a>
    {icon_button("undo", "undo", attributes='data-part="undo" disabled')}
    {icon_button("redo", "redo", attributes='data-part="redo" disabled')}
    <span class="gap"></span>
    <select name="ls-language" aria-label="{say("language")}" title="{say("language")}">{languages}</select>
    <button type="button" data-do="theme" title="{say("theme")}" aria-label="{say("theme")}">
      {icon("theme")}{icon("light")}</button>
    {icon_button("keys", "keys")}
    <p data-part="kept" role="status" hidden><span></span>
      <button type="button" class="plain" data-do="takeUp">{say("kept_take_up")}</button>
      <button type="button" data-do="leave" aria-label="{say("close")}" title="{say("close")}">✕</button></p>
    <div id="ls-toasts" role="status" aria-live="polite"></div>
    <dialog aria-label="{say("keys_title")}"><h2>{say("keys_title")}</h2><dl>{rows}</dl>
    <button type="button" class="plain" data-do="close">{say("close")}</button></dialog>"""
    handlers = (save_work, open_project, *keep_and_take_up(autosave), *work_handlers(templates, recent))
    return widget("header", markup, [bind(handler) for handler in handlers])
