"""LIA-X in a session: what drives a render, what an edit looks like, and the edit that meets the driver."""

from __future__ import annotations

import threading
from collections import OrderedDict
from fractions import Fraction
from functools import cache
from itertools import islice

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.requests import Reply, Request, integer, numbers
from app.sessions import Session
from app.stage import data_url
from app.words import say, sentence
from loki_core.errors import InputError
from loki_core.head.controls import LATENT_CONTROLS, check_controls, control
from loki_core.media.video_in import read_frames
from loki_core.motion.clip import Motion
from loki_core.render.base import Renderer
from loki_core.render.clip import ClipCode, ClipWatcher
from loki_core.render.kinds import renderer_kind
from loki_core.render.lia_x.renderer import Drive, LiaXRenderer, PortraitCode
from loki_core.timeline.latents import latent_edits
from loki_core.timeline.layers import source_places
from loki_core.timeline.performance import frame_rate
from loki_core.timeline.state import StudioState, motion_layer, played_range

__all__ = ["LiaXDesk", "driven"]

_MOST_CODES = 2
"""Portraits that are kept as the network knows them: its features take some hundred megabytes each."""
_LARGEST = 512
"""Pixels of a picture's side."""
_INDEX = {control.name: index for index, control in enumerate(LATENT_CONTROLS)}


def driven(session: Session, state: StudioState, renderer: Renderer, first: int, stop: int) -> Renderer:
    """The renderer for frames `first` to `stop` of the work: LIA-X with what hands have set in it, one that can be driven by a
    clip with the clip, any other as it is."""
    if not isinstance(renderer, LiaXRenderer | ClipWatcher):
        return renderer
    frames = np.arange(first, stop, dtype=np.float64)
    start = played_range(state, session.frame_count(state))[0]
    clip = _clip(session, state, renderer, frames, start)
    if not isinstance(renderer, LiaXRenderer):
        return renderer if clip is None else renderer.watching(clip)
    edits = latent_edits(state.layers, frames, renderer.directions)
    return renderer.driven(Drive(torch.from_numpy(edits).float(), session.frames(state, start, start + 1)[0], clip))


def _clip(
    session: Session, state: StudioState, renderer: LiaXRenderer | ClipWatcher, frames: Float[np.ndarray, "T"], start: int
) -> ClipCode | None:
    """The clip of the lowest performance, picture by picture as the timeline shows it; None where there is no clip."""
    layer, act = motion_layer(state), session.act(state)
    if layer is None or act is None or act.clip is None or not isinstance(act.performance, Motion):
        return None
    motion, file = act.performance, act.clip
    if motion.camera is None:
        return None
    camera, rate = motion.camera, float(frame_rate(motion) / Fraction(*state.fps))
    places = source_places(layer, np.append(frames, start), motion.frame_count, rate=rate).round().astype(np.int64)

    @cache
    def read() -> Tensor:
        return renderer.read_clip(read_frames(file), motion.params(), camera)

    return ClipCode(layer.source, torch.from_numpy(places[:-1]), read, first=int(places[-1]))


class LiaXDesk:
    """Answers the panel. Keeps the last portraits as the network knows them, for all sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: OrderedDict[tuple[str, int], PortraitCode] = OrderedDict()

    def lia_x_picture(self, session: Session, request: Request) -> Reply:
        """The portrait with the edits at the playhead, and some `values` in place of what they are there; `side` pixels."""
        side, values = integer(request, "side"), numbers(request, "values")
        if not 1 <= side <= _LARGEST or not values.keys() <= _INDEX.keys():
            raise InputError(say("bad_request"))
        check_controls(values)
        if lacking := _lacking():
            return lacking
        state, renderer = session.state, _renderer(session)
        edits = latent_edits(state.layers, np.array([float(state.look.frame)]), renderer.directions)[0]
        for name, value in values.items():
            edits[_INDEX[name]] = value
        code = self._code(session, state, renderer)
        picture = next(renderer.drawn(code, torch.from_numpy(edits).float()[None]))
        if side < len(picture):
            picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        return {"picture": data_url(picture), "directions": renderer.directions}

    def lia_x_align(self, session: Session, request: Request) -> Reply:
        """The edit that brings the portrait to the coefficients of the driver's first frame.

        The dictionary is orthonormal, so the difference of the coefficients is the least-squares solution.
        """
        if lacking := _lacking():
            return lacking
        state, renderer = session.state, _renderer(session)
        target = self._first(session, state, renderer)
        difference = (target - self._code(session, state, renderer).source.alpha)[0].tolist()
        values = {}
        for index, value in enumerate(difference[: len(LATENT_CONTROLS)]):
            limits = control(LATENT_CONTROLS[index].name)
            values[limits.name] = round(min(limits.maximum, max(limits.minimum, value)), 4)
        return {"values": values}

    def _first(self, session: Session, state: StudioState, renderer: LiaXRenderer) -> Float[Tensor, "1 M"]:
        """Motion coefficients of the first frame of what drives."""
        start = played_range(state, session.frame_count(state))[0]
        act = session.act(state)
        if renderer.settings.drive == "clip":
            clip = _clip(session, state, renderer, np.array([float(start)]), start)
            if clip is None or act is None or act.clip is None:
                raise InputError(say("liax_no_clip"))
            motion = act.performance
            assert isinstance(motion, Motion) and motion.camera is not None
            pictures = islice(read_frames(act.clip), clip.first, clip.first + 1)
            return renderer.read_clip(pictures, motion.params(), motion.camera)
        prepared = renderer.prepare(session.sitters[state.portrait].full)
        return renderer.performed(prepared, session.frames(state, start, start + 1)[0])

    def _code(self, session: Session, state: StudioState, renderer: LiaXRenderer) -> PortraitCode:
        """The portrait as the network knows it; worked out by one request at a time."""
        if state.portrait not in session.sitters:
            raise InputError(say("liax_no_portrait"))
        key = state.portrait, id(renderer.animator)
        with self._lock:
            if key not in self._codes:
                self._codes[key] = renderer.encode(session.sitters[state.portrait].full)
            self._codes.move_to_end(key)
            while len(self._codes) > _MOST_CODES:
                self._codes.popitem(last=False)
            return self._codes[key]


def _lacking() -> Reply | None:
    """What the page is told where the renderer cannot be had."""
    kind = renderer_kind("lia-x")
    reason = kind.lacking({})
    return None if reason is None else {"lacking": sentence(reason)}


def _renderer(session: Session) -> LiaXRenderer:
    """As it is set, where it is what renders; else with its defaults."""
    chosen = session.state.render
    renderer = session.stage.renderers.get("lia-x", dict(chosen.settings) if chosen.renderer == "lia-x" else {})
    assert isinstance(renderer, LiaXRenderer)
    return renderer
