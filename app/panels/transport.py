"""Playback: play, step, loop, sound, the bar with playhead and range. Time runs in the page; the server draws and mixes."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.requests import Reply, Request
from app.server import Binder
from app.sessions import Session
from app.soundtrack import sound_file
from app.widgets.icons import icon, icon_button
from app.widgets.widget import widget
from app.words import say

__all__ = ["build", "hear"]


def _slider(part: str, words: str, classes: str = "") -> str:
    label = escape(say(words), quote=True)
    return (
        f'<span data-part="{part}" class="{classes}" role="slider" tabindex="0" aria-label="{label}" title="{label}" '
        'aria-valuemin="0" aria-valuemax="0" aria-valuenow="0"></span>'
    )


def build(bind: Binder) -> gr.HTML:
    """Lay out the bar and the buttons."""
    play, sound = say("play"), say("sound_on")
    markup = f"""
    <div data-part="bar">
      <span data-part="range"></span><span data-part="lost" title="{say("lost_frames")}"></span>
      <span data-part="made" title="{say("made_frames")}"></span>
      {_slider("start", "range_start", "end")}{_slider("end", "range_end", "end")}{_slider("playhead", "scrub")}
    </div>
    <div class="row" role="group" aria-label="{say("transport")}">
      {icon_button("first", "first")}{icon_button("back", "back")}
      <button type="button" data-do="play" data-part="play" title="{play}" aria-label="{play}">
        {icon("play")}{icon("pause")}</button>
      {icon_button("forward", "forward")}{icon_button("last", "last")}
      {icon_button("loop", "loop", attributes='data-part="loop"')}
      <button type="button" data-do="sound" data-part="sound" title="{sound}" aria-label="{sound}" aria-pressed="true" hidden>
        {icon("sound")}{icon("silent")}</button><audio preload="auto"></audio>
      <span data-part="clock"></span>
      <span class="gap"></span>
      {icon_button("startHere", "range_start_here")}{icon_button("endHere", "range_end_here")}
      {icon_button("whole", "range_clear")}
      <span data-part="rate"></span>
      <label>{say("frame")} <input type="number" data-part="frame" min="0" step="1" value="0"> /
        <span data-part="count"></span></label>
    </div>"""
    return widget("transport", markup, [bind(hear)])


def hear(session: Session, _request: Request) -> Reply:
    """The file with the sound of the present work, and what the work calls it; null where nothing is heard."""
    sound = sound_file(session)
    return {"sound": None if sound is None else {"name": sound[0], "path": str(sound[1])}}
