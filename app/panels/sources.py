"""Where the work comes from: the portrait, driver clips and motions."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

import gradio as gr

from app.borrow import borrow
from app.material import Several, clip_faces, fit_sitter, read_act, take_upload, track_act
from app.panels.layers import take_voice
from app.panels.slots import offer_part
from app.report import report_library, report_studio
from app.requests import Reply, Request, optional_integer, text
from app.server import Binder
from app.sessions import Session
from app.stage import Act, Stage, data_url
from app.widgets.icons import icon
from app.widgets.widget import widget
from app.words import say
from loki_core.media.sound_file import SOUND_ENDINGS
from loki_core.motion.files import MOTION_ENDINGS, is_motion_file
from loki_core.render.base import Progress
from loki_core.timeline.layers import Layer
from loki_core.timeline.performance import frame_count, frame_rate
from loki_core.timeline.state import with_motion, with_portrait

__all__ = ["build", "take_driver", "take_expression", "take_portrait"]


def build(bind: Binder, stage: Stage) -> gr.HTML:
    """Lay out the two places to drop files on, the list of motions."""
    head = say(
        "head_info",
        name=stage.head.name,
        expressions=stage.head.expression_count,
        shapes=stage.head.shape_count,
    )
    markup = f"""
    <section>
      <h2>{say("portrait")}</h2>
      {_zone("portrait", "portrait_drop", "image/*")}
      <p class="quiet" data-part="busy" role="status" hidden>{say("portrait_busy")}</p>
      <div data-part="faces" hidden><span data-part="faces-title"></span><div class="faces" data-part="faces-list"></div></div>
    </section>
    <section>
      <h2>{say("driver")}</h2>
      {_zone("driver", "driver_drop", ",".join(("video/*", "image/*", "audio/*", *MOTION_ENDINGS, *SOUND_ENDINGS)))}
      <button type="button" class="plain camera" data-part="record">{icon("record")}{say("record")}</button>
      {offer_part()}
      <p class="quiet" data-part="driver-busy" role="status" hidden>{say("portrait_busy")}</p>
      <div data-part="driver-faces" hidden><span></span><div class="faces"></div></div>
      <div data-part="tracking" hidden>
        <span data-part="tracking-title"></span><progress></progress>
        <button type="button" class="plain" data-part="cancel">{say("cancel")}</button>
      </div>
    </section>
    <section class="motions">
      <h2 id="ls-motions-title">{say("motion")}</h2>
      <template>{icon("head")}{icon("face")}</template>
      <div class="scroll" data-part="motions" role="radiogroup" aria-labelledby="ls-motions-title"></div>
    </section>
    <section><h2>{say("head")}</h2><p class="quiet" title="{say("head_help")}">{escape(head)}</p></section>
    {_RECORDER.format(title=say("record_title"), start=say("record_start"), stop=say("record_stop"), close=say("close"))}"""
    return widget("sources", markup, [bind(take_portrait), bind(take_driver), bind(take_expression), bind(take_voice)])


_RECORDER = """<dialog class="recorder" data-state="closed" aria-label="{title}">
      <h2>{title}</h2>
      <div class="stage"><video muted playsinline></video><b data-part="count"></b></div>
      <p role="status" data-part="record-words"></p>
      <div class="line"><span data-part="elapsed"></span>
        <button type="button" class="primary" data-part="record-start">{start}</button>
        <button type="button" class="primary" data-part="record-stop" hidden>{stop}</button>
        <button type="button" class="plain" data-part="record-close">{close}</button></div>
    </dialog>"""


def _zone(kind: str, words: str, accept: str) -> str:
    picture = '<img alt="" hidden>' if kind == "portrait" else ""
    return f"""<div class="zone" data-part="{kind}">
      <button type="button">{picture}<span><b data-part="{kind}-name"></b>{say(words)}</span></button>
      <input type="file" accept="{accept}" hidden></div>"""


def take_portrait(session: Session, request: Request) -> Reply:
    """Fit the head to an uploaded picture. Of several faces the page must choose one: they come back as small pictures."""
    file = take_upload(session, text(request, "path"))
    fitted = fit_sitter(session.stage, file, text(request, "name"), optional_integer(request, "face"))
    if isinstance(fitted, Several):
        return {"faces": [data_url(face) for face in fitted.faces]}
    key, sitter = fitted
    with session.lock:
        session.keep_sitter(key, sitter)
        session.change(lambda state: with_portrait(state, key))
    return {"library": report_library(session), "studio": report_studio(session)}


def take_driver(session: Session, request: Request) -> Reply:
    """Read an uploaded motion, or begin to track an uploaded clip; it becomes the motion when that is done.

    While another clip moves the portrait, it is only offered: the page asks what to use it for.
    Where a clip begins with several faces the page must choose one: they come back as small pictures.
    """
    file = take_upload(session, text(request, "path"))
    name, face = text(request, "name"), optional_integer(request, "face")
    if is_motion_file(file):
        offered = _use(session, *read_act(session.stage, file, name))
        return {**offered, "library": report_library(session), "studio": report_studio(session)}
    several = clip_faces(file) if face is None else None
    if several is not None:
        return {"faces": [data_url(face) for face in several.faces]}

    def work(progress: Progress, cancelled: Callable[[], bool]) -> Reply:
        return _use(session, *track_act(session.stage, file, name, face, progress, cancelled))

    session.start("track", say("tracking", name=Path(name).stem), work)
    return {"library": report_library(session)}


def take_expression(session: Session, request: Request) -> Reply:
    """Read the expression off an uploaded picture. Of several faces the page must choose one."""
    file = take_upload(session, text(request, "path"))
    found = borrow(session.stage, file, text(request, "name"), optional_integer(request, "face"))
    if isinstance(found, Several):
        return {"faces": [data_url(face) for face in found.faces]}
    key, borrowed = found
    with session.lock:
        session.borrowed[key] = borrowed
    return {"borrowed": {"id": key, "name": borrowed.name, "picture": data_url(borrowed.picture)}}


def _use(session: Session, key: str, act: Act) -> Reply:
    """Take it up as the motion, or tell the page what to offer."""
    with session.lock:
        session.acts[key] = act
        if any(layer.source != key and _follows_clip(session, layer) for layer in session.state.layers):
            return {"offered": key}
        session.change(lambda state: with_motion(state, key, act.name, frame_rate(act.performance)))
        return {}


def _follows_clip(session: Session, layer: Layer) -> bool:
    """A clip or motion of the user's own; a single frame is an expression that was borrowed."""
    if layer.by_hand or layer.source in session.stage.motions:
        return False
    return frame_count(session.acts[layer.source].performance) > 1
