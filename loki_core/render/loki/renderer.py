"""The `loki` renderer: a diffusion network draws the square around the head from driver maps, the warp all around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.diffusion.pipeline import Remembered, SamplerConfig
from loki_core.diffusion.windows import windows_of
from loki_core.errors import InputError
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.motion.apart import without_expression
from loki_core.raster.camera import Camera, clip_from_camera
from loki_core.raster.driver_map import encode_map, pose_and_deform
from loki_core.raster.rasterize import RasterBuffers, rasterize
from loki_core.render.base import Portrait, Progress
from loki_core.render.lia_x.square import Square, head_square
from loki_core.render.loki.picture import box_of, lay_over, soft_cover, to_network
from loki_core.render.loki.source import LokiSource
from loki_core.render.warp.prepared import WarpPrepared
from loki_core.render.warp.renderer import WarpRenderer

__all__ = ["LokiPrepared", "LokiRenderer", "LokiSettings"]

_MARGIN = 0.2
"""Of the square around the head, as in training (Loki's paper)."""


@contextmanager
def _enough_memory() -> Iterator[None]:
    """Turns the lack of it on the GPU into words. Other windows would make other frames, so they are not tried unasked.

    Fewer frames at a time of the same window are: the pipeline does that by itself.
    """
    try:
        yield
    except torch.OutOfMemoryError as exc:
        raise InputError(
            "the GPU's memory is not enough; spare it in the settings, draw fewer frames at once, or end what else uses it"
        ) from exc


@dataclass(frozen=True)
class LokiSettings:
    """How frames are made."""

    sampler: SamplerConfig
    detail: float = 0.0
    """Share of what is finer than the network's pixels that is taken from the warp."""
    area: Literal["head", "square"] = "head"
    """Where the network's picture is shown: on the head and a little beyond it, or in the whole square that it draws."""


@dataclass(frozen=True, eq=False)
class LokiPrepared:
    """All that the frames of a portrait share."""

    portrait: WarpPrepared
    remembered: Remembered
    person: HeadModel
    """The head with this portrait's offsets."""
    camera: Camera
    square: Square
    """Around the head as it is in the portrait: the same for all frames, as in training."""


class LokiRenderer:
    """Draws with a network. Keeps no state between calls; several may share the network."""

    name = "loki"

    def __init__(self, head: HeadModel, source: LokiSource, settings: LokiSettings) -> None:
        """`head`: the one that portraits were fitted with."""
        self._head, self._warp = head, WarpRenderer(head)
        self._source, self._settings = source, settings

    @property
    def signature(self) -> str:
        return f"{self._source.weights}|{self._settings}"

    def prepare(self, portrait: Portrait) -> LokiPrepared:
        """Load the network where that is still to do, show it the head, and prepare the warp.

        Raises `InputError` for weights that cannot be used.
        """
        with _enough_memory():
            pipeline = self._source.pipeline()
        person = replace(self._head, template=self._head.template + torch.from_numpy(portrait.offsets).float())
        square = head_square(person, portrait.params, portrait.camera, margin=_MARGIN)
        seen = to_network(portrait.image, square, self._source.config.image_size)
        with self._source.looking, _enough_memory():
            remembered = pipeline.remember(seen)
        return LokiPrepared(self._warp.prepare(portrait), remembered, person, portrait.camera, square)

    def reach(self, index: int, total: int) -> range:
        """The frames of the windows that see frame `index`."""
        windows = windows_of(self._settings.sampler.windows(total, self._source.config.frames), range(index, index + 1))
        return range(windows[0].start, windows[-1].stop)

    def render(
        self,
        prepared: LokiPrepared,
        frames: FlameParams,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """One image a frame of the batch (shape (T,)), in order, at the portrait's size; RGBA for a portrait with alpha."""
        return self.render_part(prepared, frames, range(frames.batch_shape[0]), progress=progress, cancelled=cancelled)

    def render_part(
        self,
        prepared: LokiPrepared,
        frames: FlameParams,
        part: range,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """The pictures `part` of the whole; `progress` counts frames, those half done by their steps."""

        def maps(start: int, stop: int) -> Float[Tensor, "T 45 S S"]:
            return self._maps(prepared, frames[start:stop])

        def bare(start: int, stop: int) -> Float[Tensor, "T 45 S S"]:
            return self._maps(prepared, without_expression(frames[start:stop]))

        def step(done: int, total: int) -> None:
            if progress is not None:
                progress(done * len(part) // total, len(part))

        drawn = self._source.pipeline().sample(
            prepared.remembered, maps, frames.batch_shape[0], self._settings.sampler,
            bare=bare, part=part, progress=step, cancelled=cancelled,
        )  # fmt: skip
        warped = self._warp.render(prepared.portrait, frames[part.start : part.stop], cancelled=cancelled)
        with _enough_memory():
            for index, square, below in zip(part, drawn, warped, strict=True):
                laid = lay_over(
                    np.ascontiguousarray(below[..., :3]), prepared.square, square, self._settings.detail,
                    self._cover(prepared, frames[index]),
                )  # fmt: skip
                yield np.concatenate([laid, below[..., 3:]], axis=2)

    def _cover(self, prepared: LokiPrepared, frame: FlameParams) -> Float[np.ndarray, "S S"] | None:
        """Where the network's picture is shown; None: in the whole square."""
        if self._settings.area == "square":
            return None
        return soft_cover(self._seen(prepared, pose_vertices(prepared.person, frame)).mask)

    def _maps(self, prepared: LokiPrepared, frames: FlameParams) -> Float[Tensor, "T 45 S S"]:
        """Driver maps of the square. The head is as wide as the portrait's; its points are called by the plain head's."""
        vertices, moved = pose_and_deform(prepared.person, frames)
        return encode_map(self._head, self._seen(prepared, vertices), moved).map

    def _seen(self, prepared: LokiPrepared, vertices: Float[Tensor, "*B V 3"]) -> RasterBuffers:
        """A posed head in the square."""
        size = self._source.config.image_size
        clip = clip_from_camera(prepared.camera, box_of(prepared.square), vertices)
        return rasterize(clip, self._head.faces, size=(size, size))
