"""The pictures: driver map, warp and portrait, at the playhead."""

from __future__ import annotations

import json
from html import escape
from typing import get_args

import gradio as gr

from app.edits import apply_edit
from app.marks import marks
from app.pictures import MAP_SIDE, draw
from app.report import report_studio
from app.requests import Reply, Request, flag, integer, listing, optional_text, text
from app.server import Binder
from app.sessions import Session
from app.stage import data_url, jpeg
from app.widgets.icons import icon
from app.widgets.widget import widget
from app.words import say, sentence
from loki_core.errors import InputError
from loki_core.media.picture import flatten
from loki_core.raster.preview import PREVIEW_MODES
from loki_core.timeline.state import Tool, View, with_frame
from loki_core.track.handles import HANDLES

__all__ = ["build", "look", "portrait_picture"]


def build(bind: Binder) -> gr.HTML:
    """Lay out the switch of views and the canvas."""
    views = "".join(
        f'<label><input type="radio" name="ls-view" value="{view}"><span>{say(f"view_{view}")}</span></label>'
        for view in get_args(View)
    )
    tools = "".join(
        f"""<label title="{say(f"tool_{tool}")}">
        <input type="radio" name="ls-tool" value="{tool}" aria-label="{say(f"tool_{tool}")}"><span>{icon(tool)}</span></label>"""
        for tool in get_args(Tool)
    )
    handles = escape(json.dumps([(h.name, _label(h.name)) for h in HANDLES], ensure_ascii=False), quote=True)
    modes = "".join(f'<option value="{mode}">{say(f"map_{mode}")}</option>' for mode in PREVIEW_MODES)
    markup = f"""
    <div class="bar">
      <div class="views" role="radiogroup" aria-label="{say("view")}">{views}</div>
      <select name="ls-map" aria-label="{say("map_mode")}" title="{say("map_mode")}">{modes}</select>
    </div>
    <div class="stage">
      <canvas role="img" aria-label="{say("viewport")}" data-handles="{handles}"></canvas>
      <input class="wipe" type="range" min="0" max="100" step="0.5" value="50" aria-label="{say("wipe")}" hidden>
      <div class="views tools" role="radiogroup" aria-label="{say("tool")}">{tools}</div>
      <p class="hint" hidden>{say("empty")}</p>
    </div>"""
    return widget("viewport", markup, [bind(portrait_picture)])


def _label(handle: str) -> str:
    for side in ("Left", "Right"):
        if handle.endswith(side):
            return say(f"side_{side}", name=say(f"handle_{handle.removesuffix(side)}"))
    return say(f"handle_{handle}")


def look(session: Session, request: Request) -> Reply:
    """Move the playhead, do the edits that came along, and show `view` there: one round trip from hand to picture.

    An edit that cannot be done is reported beside the picture of the work as it is.
    """
    reply: Reply = {}
    frame = integer(request, "frame")
    with session.lock:  # keys are set at the playhead: no other request may move it in between
        _move_playhead(session, frame)
        try:
            for edit in listing(request, "edits"):
                apply_edit(session, edit)
        except InputError as error:
            reply["error"] = sentence(str(error))
        _move_playhead(session, session.state.look.frame)  # another motion may be shorter
        state = session.state
    if "marks" in request and flag(request, "marks"):
        reply["marks"] = marks(session, state)
    view = optional_text(request, "view")
    if view is not None and state.portrait:
        side = integer(request, "side") if "side" in request else MAP_SIDE
        reply["picture"] = jpeg(draw(session, state, view, side=side))
    return {**reply, "frame": state.look.frame, "studio": report_studio(session)}


def _move_playhead(session: Session, frame: int) -> None:
    session.change(lambda state: with_frame(state, frame, frame_count=session.frame_count(state)))


def portrait_picture(session: Session, request: Request) -> Reply:
    """The portrait itself, at the size at which it is moved, and the square that the driver map covers, in its pixels."""
    sitter = session.sitters.get(text(request, "id"))
    if sitter is None:
        raise InputError(say("bad_request"))
    crop = sitter.crop
    square = {"x": crop.cx - crop.half, "y": crop.cy - crop.half, "side": 2 * crop.half}
    live = sitter.live.portrait
    return {"picture": data_url(flatten(live.image, live.alpha)), "crop": square}
