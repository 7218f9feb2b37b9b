"""The driver's desk: how restless the chosen clip is, what is done about it, its neutral face, and borrowed expressions."""

from __future__ import annotations

from html import escape

import gradio as gr
import torch
from jaxtyping import Float
from torch import Tensor

from app.borrowed import BORROWED_REGIONS
from app.driver_edits import FILLINGS, METHODS, PARTS, driver_motion
from app.requests import Reply, Request, text
from app.server import Binder
from app.sessions import Session
from app.stage import Act, Stage, data_url
from app.thumbs import draw_driver
from app.widgets.widget import widget
from app.words import GROUPS, name_in, say
from loki_core.head.controls import control
from loki_core.motion.channels import channel, channel_names
from loki_core.motion.clean import LONGEST_WINDOW, SHORTEST_WINDOW, clean_motion
from loki_core.motion.clip import Motion
from loki_core.motion.jitter import FrameChanges, measure_changes
from loki_core.motion.neutral import find_neutral
from loki_core.timeline.performance import spans

__all__ = ["build", "driver_strip"]

_COLUMNS = 600
"""Most that a strip is told; longer clips are told by the largest change in each column."""


def build(bind: Binder, stage: Stage) -> gr.HTML:
    """Lay out the strip, which the script draws, and what can be changed of the chosen clip."""
    markup = f"""
    <div class="scroll">
      <p class="quiet" data-part="none">{say("driver_none")}</p>
      <div data-part="desk" hidden>
        <section class="strip">
          <h2><span data-part="title"></span><span data-part="frames"></span></h2>
          <canvas role="slider" tabindex="0" aria-label="{say("driver_strip")}" aria-valuemin="0"></canvas>
          <div class="line"><span data-part="outliers"></span><span data-part="lost"></span></div>
          <label class="line"><span>{say("driver_channel")}</span>
            <select name="channel">{_channels(stage)}</select>
            <i class="before">{say("driver_before")}</i><i class="after">{say("driver_after")}</i></label>
        </section>
        <section><h2>{say("driver_smoothing")}</h2>
          {"".join(map(_filter, PARTS))}
          <label class="check" title="{say("driver_blinks_help")}">
            <input type="checkbox" data-option="protect_blinks">{say("driver_blinks")}</label>
          <label class="check" title="{say("driver_mend_help")}">
            <input type="checkbox" data-option="mend_outliers">{say("driver_mend")}</label>
          <label class="row" title="{say("driver_lost_help")}"><span>{say("driver_lost")}</span>
            <select data-option="lost">{_options("driver_lost", FILLINGS)}</select></label>
        </section>
        <section class="face"><h2>{say("driver_neutral")}</h2>
          <img alt="{say("driver_neutral")}" data-part="neutral">
          <div><p class="quiet" data-part="neutral-words" title="{say("driver_neutral_help")}"></p>
            <button type="button" class="plain" data-do="neutral">{say("driver_neutral_here")}</button>
            <button type="button" class="plain" data-do="found">{say("driver_neutral_found")}</button></div>
        </section>
      </div>
      <section class="face borrow"><h2>{say("borrow")}</h2>
        <p class="quiet" data-part="borrow-none">{say("borrow_none")}</p>
        <div data-part="borrowed" hidden>
          <img alt="" data-part="borrow-picture">
          <div><b data-part="borrow-name"></b>
            <label class="fader"><span>{say("borrow_share")}</span>
              <input type="range" name="share" min="0" max="1" step="0.01" value="1"><output>1.00</output></label></div>
          <div class="regions" role="group" aria-label="{say("borrow_regions")}">{"".join(map(_region, BORROWED_REGIONS))}</div>
          <div class="line">
            <button type="button" class="plain" data-do="borrow">{say("borrow_put")}</button>
            <button type="button" class="plain" data-do="borrowLayer">{say("borrow_layer")}</button></div>
        </div>
      </section>
    </div>"""
    return widget("driver", markup, [bind(driver_strip)])


def _channels(stage: Stage) -> str:
    names = ((name, name_in(control(name).label)) for name in channel_names(stage.head))
    return "".join(f'<option value="{name}">{escape(label)}</option>' for name, label in names)


def _options(prefix: str, values: tuple[str, ...]) -> str:
    return "".join(f'<option value="{value}">{say(f"{prefix}_{value}")}</option>' for value in values)


def _filter(part: str) -> str:
    label = say(f"driver_part_{part}")
    strength = escape(say("driver_window", part=label), quote=True)
    return f"""<label class="filter" data-filter="{part}" title="{say("driver_window_help")}"><span>{label}</span>
      <select aria-label="{label}">{_options("driver_method", METHODS)}</select>
      <input type="range" min="{SHORTEST_WINDOW}" max="{LONGEST_WINDOW}" step="0.05" aria-label="{strength}">
      <output></output></label>"""


def _region(name: str) -> str:
    checked = "" if name == "head" else "checked"
    return f'<label><input type="checkbox" value="{name}" {checked}>{say(GROUPS.get(name, name))}</label>'


def driver_strip(session: Session, request: Request) -> Reply:
    """What the strip of a layer shows: change from frame to frame as tracked and as cleaned, outliers, frames without a face, one
    channel before and after, and the neutral frame with its picture. Frames are those of the clip."""
    with session.lock:
        layer, motion = driver_motion(session, session.state, text(request, "id"))
        act = session.acts[layer.source]
    head, name = session.stage.head, text(request, "channel")
    found = find_neutral(motion, head).index
    neutral = found if layer.retarget.neutral is None else layer.retarget.neutral
    cleaned = clean_motion(motion, head, layer.cleaning, neutral=neutral)
    tracked, left = measure_changes(motion, head), measure_changes(cleaned, head)
    every = -(-motion.frame_count // _COLUMNS)
    return {
        "id": layer.id,
        "frames": motion.frame_count,
        "fps": float(motion.fps),
        "every": every,
        "tracked": _changes(tracked, every),
        "cleaned": _changes(left, every),
        "outliers": tracked.outliers.nonzero().ravel().tolist(),
        "outliers_left": int(left.outliers.sum()),
        "lost": spans((motion.confidence == 0).numpy()),
        "before": _rounded(channel(motion, head, name)[::every]),
        "after": _rounded(channel(cleaned, head, name)[::every]),
        "unit": control(name).unit,
        "neutral": neutral,
        "neutral_found": layer.retarget.neutral is None,
        "picture": _picture(session.stage, act, motion, neutral),
    }


def _changes(changes: FrameChanges, every: int) -> Reply:
    return {"head": _largest(changes.head, every), "expression": _largest(changes.expression, every)}


def _largest(values: Float[Tensor, "T"], every: int) -> list[float]:
    """The largest of each so many frames."""
    return _rounded(torch.stack([part.max() for part in values.split(every)]))


def _rounded(values: Float[Tensor, "N"]) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def _picture(stage: Stage, act: Act, motion: Motion, frame: int) -> str:
    """Of the clip where it has been kept, else of the head that was tracked."""
    kept = None if act.thumbs is None else act.thumbs.at(frame)
    return data_url(draw_driver(stage.head, motion, frame) if kept is None else kept)
