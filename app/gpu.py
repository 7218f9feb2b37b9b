"""Drawing on a GPU that is lent for seconds at a time, as Hugging Face's ZeroGPU does; elsewhere nothing here is used."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np
from jaxtyping import UInt8

from loki_core.head.params import FlameParams
from loki_core.render.base import Cancelled, Portrait, Progress, Renderer, SequenceRenderer
from loki_core.render.registry import Renderers
from loki_core.render.settings import SettingValue

__all__ = ["Borrowing", "Draw", "borrow_gpu", "draw_with", "gpu_seconds", "worth_a_loan"]

Picture = UInt8[np.ndarray, "H W C"]
Choice = tuple[str, tuple[tuple[str, SettingValue], ...]]
"""A renderer's key and its settings."""
Draw = Callable[[Choice, Portrait, FlameParams, range], Iterator[Picture]]
"""Draws some frames of a batch."""

_START, _A_FRAME, _MOST = 15, 0.5, 120
"""Seconds: to load a network, for a frame, and the longest loan that is asked for."""


def worth_a_loan(choice: Choice) -> bool:
    """Whether a renderer needs a GPU, and its key and settings tell all of it: not so where a clip drives it."""
    key, settings = choice
    return key == "loki" or (key == "dex" and dict(settings).get("told") != "clip")


def gpu_seconds(frames: int) -> int:
    """How long a loan for so many frames is. It counts against the visitor's share, so it is no longer than it must be."""
    return min(_MOST, _START + math.ceil(frames * _A_FRAME))


def draw_with(renderers: Renderers) -> Draw:
    """What a loan is for, in one function: all of it runs where the GPU is."""

    def draw(choice: Choice, portrait: Portrait, frames: FlameParams, part: range) -> Iterator[Picture]:
        key, settings = choice
        renderer = renderers.get(key, dict(settings))
        prepared = renderer.prepare(portrait)
        if isinstance(renderer, SequenceRenderer):
            yield from renderer.render_part(prepared, frames, part)
        else:
            yield from renderer.render(prepared, frames[part.start : part.stop])

    return draw


def borrow_gpu(renderers: Renderers) -> Draw | None:
    """What draws on a lent GPU; None where none is lent. The lender looks for it when the page is launched, so call it before."""
    if "SPACES_ZERO_GPU" not in os.environ:
        return None
    spaces = import_module("spaces")  # ZeroGPU brings it

    def duration(choice: Choice, portrait: Portrait, frames: FlameParams, part: range) -> int:
        return gpu_seconds(len(part))

    lent: Draw = spaces.GPU(duration=duration)(draw_with(renderers))
    return lent


class Borrowing:
    """A renderer that draws through `draw`: what is prepared for it is the portrait, for the rest happens there."""

    def __init__(self, renderer: Renderer, choice: Choice, draw: Draw) -> None:
        self.name, self.signature = renderer.name, renderer.signature
        self._choice, self._draw = choice, draw

    def prepare(self, portrait: Portrait) -> Portrait:
        return portrait

    def reach(self, index: int, total: int) -> range:
        return range(index, index + 1)

    def render(
        self,
        prepared: Portrait,
        frames: FlameParams,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Picture]:
        return self.render_part(prepared, frames, range(frames.batch_shape[0]), progress=progress, cancelled=cancelled)

    def render_part(
        self,
        prepared: Portrait,
        frames: FlameParams,
        part: range,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Picture]:
        for done, picture in enumerate(self._draw(self._choice, prepared, frames, part), 1):
            if cancelled is not None and cancelled():
                raise Cancelled
            yield picture
            if progress is not None:
                progress(done, len(part))
