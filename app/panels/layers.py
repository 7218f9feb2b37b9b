"""The layers of the timeline: what lies over what, how much of it, and when."""

from __future__ import annotations

from html import escape
from typing import get_args

import gradio as gr

from app.layer_edits import GENERATORS, add_voice
from app.material import read_voice, take_upload
from app.panels.slots import slots_part
from app.report import report_studio
from app.requests import Reply, Request, integer, text
from app.server import Binder
from app.sessions import Session
from app.widgets.icons import icon, icon_button
from app.widgets.widget import widget
from app.words import GROUPS, say
from loki_core.media.sound_file import SOUND_ENDINGS
from loki_core.motion.retarget import RetargetSettings
from loki_core.timeline.layers import REGIONS, Extend, Mode

__all__ = ["build", "take_voice"]

_GAINS = ("absolute", "expression", "jaw", "eye_left", "eye_right", "neck", "head_rotation", "head_translation")
_NUMBERS = (("first", 1), ("stop", 1), ("offset", 1), ("speed", 0.05))
"""Plain fields of a layer, and the step of their boxes."""


_PLAIN = 'class="plain"'


def build(bind: Binder) -> gr.HTML:
    """Lay out the list, which the script fills, and what can be changed in the chosen layer."""
    markup = f"""
    <div class="tools" role="group" aria-label="{say("layers")}">
      <button type="button" class="plain" data-do="new">{say("layer_new")}</button>
      <span class="gap"></span>
      {icon_button("up", "layer_up")}{icon_button("down", "layer_down")}
      {icon_button("copy", "layer_copy")}{icon_button("delete", "layer_delete")}
    </div>
    <div class="scroll">
      <ul aria-label="{say("layers")}"></ul>
      {slots_part()}
      <section class="make">
        <h2>{say("make")}</h2><p class="quiet">{say("make_help")}</p>
        <select name="kind" aria-label="{say("generate")}">{_generators()}</select>
        <input type="number" name="seed" min="0" max="9999" step="1" value="1" title="{say("generate_seed")}"
          aria-label="{say("generate_seed")}">
        <button type="button" class="plain" data-do="generate">{say("generate")}</button>
        <input type="text" name="text" maxlength="400" placeholder="{say("speak_here")}" title="{say("speak_text")}"
          aria-label="{say("speak_text")}">
        {icon_button("voice", "voice", attributes=_PLAIN)}
        <button type="button" class="plain" data-do="speak">{say("speak")}</button>
        <input type="file" accept="audio/*,video/mp4,{",".join(SOUND_ENDINGS)}" hidden>
      </section>
      <template>{_row()}</template>
      <section><label>{say("layer_name")} <input type="text" data-field="name" maxlength="60"></label></section>
      <section class="grid">
        <h2>{say("layer_time")}</h2>
        {"".join(_number(name, step) for name, step in _NUMBERS)}
        <label class="wide" data-for="source"><span>{say("layer_extend")}</span>{_choice("extend", get_args(Extend))}</label>
        <label class="wide" data-for="source"><span>{say("layer_mode")}</span>{_choice("mode", get_args(Mode))}</label>
      </section>
      <section class="faders"><h2>{say("layer_regions")}</h2>
        {"".join(_fader("region", name, say(GROUPS.get(name, name)), 1.0, 1) for name in REGIONS)}</section>
      <section class="faders" data-for="tracked"><h2>{say("layer_follow")}</h2>{"".join(map(_gain, _GAINS))}</section>
    </div>"""
    return widget("layers", markup, [bind(take_voice)])


def take_voice(session: Session, request: Request) -> Reply:
    """A new layer whose mouth follows an uploaded sound from `frame` on, and with which the sound is heard."""
    file = take_upload(session, text(request, "path"))
    key, voice, samples = read_voice(session.stage, file, text(request, "name"))
    with session.lock:
        first = min(max(0, integer(request, "frame")), session.frame_count(session.state) - 1)
        session.sounds[key] = voice
        session.change(lambda state: add_voice(state, key, voice, samples, first=first))
    return {"studio": report_studio(session)}


def _generators() -> str:
    return "".join(f'<option value="{kind}">{say(f"generate_{kind}")}</option>' for kind in GENERATORS)


def _row() -> str:
    """One layer in the list; its labels name the layer, so the script writes them."""
    key = escape(say("layer_weight_key"), quote=True)
    return f"""<li>
      <button type="button" data-part="name">{icon("head")}{icon("face")}<span></span></button>
      <input type="range" min="0" max="1" step="0.01">
      <button type="button" data-part="key" aria-label="{key}" title="{key}">{icon("key")}</button>
      <button type="button" data-part="mute">M</button><button type="button" data-part="solo">S</button></li>"""


def _number(name: str, step: float) -> str:
    only = 'data-for="source"' if name in ("offset", "speed") else ""
    hint = f'placeholder="∞" title="{say("layer_endless")}"' if name == "stop" else ""
    label = say(f"layer_{name}")
    return f'<label {only}><span>{label}</span><input type="number" data-field="{name}" step="{step:g}" {hint}></label>'


def _choice(name: str, values: tuple[str, ...]) -> str:
    options = "".join(f'<option value="{value}">{say(f"layer_{value}")}</option>' for value in values)
    return f'<select data-field="{name}">{options}</select>'


def _gain(name: str) -> str:
    label = say(name if name == "absolute" else f"gain_{name}")
    return _fader("gain", name, label, getattr(RetargetSettings(), name), 1 if name == "absolute" else 2)


def _fader(kind: str, name: str, label: str, rest: float, top: int) -> str:
    words = {"gain": say("gain_help")}.get(kind, "") if name != "absolute" else say("absolute_help")
    return f"""<label title="{escape(words, quote=True)}"><span>{label}</span>
      <input type="range" data-{kind}="{name}" min="0" max="{top}" step="0.01" value="{rest:g}" data-rest="{rest:g}">
      <output>{rest:.2f}</output></label>"""
