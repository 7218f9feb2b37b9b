"""A renderer whose network draws the square around the head; the warp draws all around it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Generic, Literal, TypeVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.diffusion.pipeline import SamplerConfig
from loki_core.diffusion.windows import windows_of
from loki_core.errors import InputError
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, clip_from_camera
from loki_core.raster.rasterize import RasterBuffers, rasterize
from loki_core.render.base import Portrait, Progress
from loki_core.render.diffused.picture import box_of, keep_likeness, lay_over, soft_cover, to_network
from loki_core.render.diffused.source import NetworkSource
from loki_core.render.lia_x.square import Square, head_square
from loki_core.render.settings import SettingValue
from loki_core.render.warp.prepared import WarpPrepared
from loki_core.render.warp.renderer import WarpRenderer

__all__ = ["HEAD_MARGIN", "Area", "DiffusedPrepared", "DiffusedRenderer", "DiffusedSettings", "Sitter", "area_of"]

HEAD_MARGIN = 0.2
"""Of the square around the head, as in training (Loki's paper)."""
Area = Literal["head", "square"]
_P = TypeVar("_P")
"""A pipeline."""
_K = TypeVar("_K")
"""What its network knows of a portrait."""


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
class DiffusedSettings:
    """How frames are made."""

    sampler: SamplerConfig
    detail: float = 0.0
    """Share of what is finer than the network's pixels that is taken from the warp."""
    likeness: float = 0.0
    """Share of what the network gets wrong in the portrait itself that is put right: `keep_likeness`."""
    area: Area = "head"
    """Where the network's picture is shown: on the head and a little beyond it, or in the whole square that it draws."""


def area_of(values: Mapping[str, SettingValue]) -> Area:
    """From the settings' values."""
    return "square" if values["area"] == "square" else "head"


@dataclass(frozen=True, eq=False)
class Sitter:
    """The head in a portrait, and the square that is drawn of it."""

    params: FlameParams
    """The fit; batch shape ()."""
    person: HeadModel
    """The head with this portrait's offsets."""
    camera: Camera
    square: Square
    """Around the head as it is in the portrait: the same for all frames, as in training."""

    def seen(self, vertices: Float[Tensor, "*B V 3"], size: int) -> RasterBuffers:
        """A posed head in the square, of `size` pixels."""
        clip = clip_from_camera(self.camera, box_of(self.square), vertices)
        return rasterize(clip, self.person.faces, size=(size, size))


@dataclass(frozen=True, eq=False)
class DiffusedPrepared(Generic[_K]):
    """All that the frames of a portrait share."""

    portrait: WarpPrepared
    sitter: Sitter
    known: _K
    own: WarpPrepared | None
    """The portrait as the network draws it; None: its likeness is not wanted."""

    @property
    def square(self) -> Square:
        return self.sitter.square


class DiffusedRenderer(ABC, Generic[_P, _K]):
    """Draws with a network. Keeps no state between calls; several may share the network."""

    name: str

    def __init__(self, head: HeadModel, source: NetworkSource[_P], settings: DiffusedSettings) -> None:
        """`head`: the one that portraits were fitted with."""
        self._head, self._warp = head, WarpRenderer(head)
        self._source, self._settings = source, settings

    @property
    def signature(self) -> str:
        return f"{self._source.weights}|{self._settings}"

    def prepare(self, portrait: Portrait) -> DiffusedPrepared[_K]:
        """Load the network where that is still to do, show it the head, let it draw that for its likeness, and prepare the warp.

        Raises `InputError` for weights that cannot be used.
        """
        with _enough_memory():
            pipeline = self._source.pipeline()
        person = replace(self._head, template=self._head.template + torch.from_numpy(portrait.offsets).float())
        square = head_square(person, portrait.params, portrait.camera, margin=HEAD_MARGIN)
        sitter = Sitter(portrait.params, person, portrait.camera, square)
        with self._source.looking, _enough_memory():
            known = self._look(pipeline, to_network(portrait.image, square, self._size), sitter)
        prepared = DiffusedPrepared(self._warp.prepare(portrait), sitter, known, None)
        if not self._settings.likeness:
            return prepared
        with _enough_memory():
            drawn = self._draw_portrait(prepared)
        laid = lay_over(np.ascontiguousarray(portrait.image[..., :3]), square, drawn, detail=0.0)
        return replace(prepared, own=self._warp.prepare(replace(portrait, image=laid)))

    def reach(self, index: int, total: int) -> range:
        """The frames of the windows that see frame `index`."""
        windows = windows_of(self._settings.sampler.windows(total, self._source.config.frames), range(index, index + 1))
        return range(windows[0].start, windows[-1].stop)

    def render(
        self,
        prepared: DiffusedPrepared[_K],
        frames: FlameParams,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """One image a frame of the batch (shape (T,)), in order, at the portrait's size; RGBA for a portrait with alpha."""
        return self.render_part(prepared, frames, range(frames.batch_shape[0]), progress=progress, cancelled=cancelled)

    def render_part(
        self,
        prepared: DiffusedPrepared[_K],
        frames: FlameParams,
        part: range,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """The pictures `part` of the whole; `progress` counts frames, those half done by their steps."""

        def step(done: int, total: int) -> None:
            if progress is not None:
                progress(done * len(part) // total, len(part))

        drawn = self._drawn(prepared, frames, part, step, cancelled)
        shown = frames[part.start : part.stop]
        warped = self._warp.render(prepared.portrait, shown, cancelled=cancelled)
        own = repeat(None, len(part)) if prepared.own is None else self._warp.render(prepared.own, shown, cancelled=cancelled)
        with _enough_memory():
            for index, square, below, beside in zip(part, drawn, warped, own, strict=True):
                yield self._laid(prepared, frames[index], square, below, beside)

    @abstractmethod
    def _look(self, pipeline: _P, picture: Float[Tensor, "3 S S"], sitter: Sitter) -> _K:
        """What the network knows of a portrait, from its square in [-1, 1]."""

    def _draw_portrait(self, prepared: DiffusedPrepared[_K]) -> Float[Tensor, "3 S S"]:
        """The portrait's own square as the network draws it, in [-1, 1]."""
        return next(self._drawn(prepared, prepared.sitter.params[None], range(1), lambda done, total: None, None))

    @abstractmethod
    def _drawn(
        self,
        prepared: DiffusedPrepared[_K],
        frames: FlameParams,
        part: range,
        progress: Progress,
        cancelled: Callable[[], bool] | None,
    ) -> Iterator[Float[Tensor, "3 S S"]]:
        """The squares of the frames `part`, in [-1, 1]. `progress` counts steps. Raises `Cancelled`."""

    def _laid(
        self,
        prepared: DiffusedPrepared[_K],
        frame: FlameParams,
        drawn: Float[Tensor, "3 S S"],
        below: UInt8[np.ndarray, "H W C"],
        own: UInt8[np.ndarray, "H W C"] | None,
    ) -> UInt8[np.ndarray, "H W C"]:
        """What the network drew of a frame over the warped portrait, `below`. `own`: its drawing of the portrait, warped too."""
        colours, square = np.ascontiguousarray(below[..., :3]), prepared.square
        if own is not None:
            portrait, drawing = (to_network(each[..., :3], square, self._size) for each in (colours, own))
            drawn = keep_likeness(drawn, portrait, drawing, self._settings.likeness)
        laid = lay_over(colours, square, drawn, self._settings.detail, self._cover(prepared.sitter, frame))
        return np.concatenate([laid, below[..., 3:]], axis=2)

    @property
    def _size(self) -> int:
        """Side of the network's picture, pixels."""
        return self._source.config.image_size

    def _cover(self, sitter: Sitter, frame: FlameParams) -> Float[np.ndarray, "S S"] | None:
        """Where the network's picture is shown; None: in the whole square."""
        if self._settings.area == "square":
            return None
        return soft_cover(sitter.seen(pose_vertices(sitter.person, frame), self._size).mask)
