"""The `lia-x` renderer: a performance carried over by LIA-X's motion coefficients, with edits of its directions on top."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from tempfile import TemporaryFile
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.lia_x.animate import LiaX
from loki_core.lia_x.generator import Source
from loki_core.raster.camera import Camera
from loki_core.render.base import Cancelled, Portrait, Progress
from loki_core.render.clip import ClipCode
from loki_core.render.lia_x.square import Square, cut, head_square, lay_back
from loki_core.render.resize import shrink_portrait
from loki_core.render.warp.prepared import WarpPrepared
from loki_core.render.warp.renderer import WarpRenderer

__all__ = ["Drive", "LiaXPrepared", "LiaXRenderer", "LiaXSettings", "PortraitCode"]

_MARGIN = 0.35
"""Around the head's mesh, of its half side: the crop of the release shows hair and some of the shoulders."""


@dataclass(frozen=True)
class LiaXSettings:
    """How frames are made."""

    drive: Literal["performance", "clip"] = "performance"
    """What the network watches: the warped portrait, or the pictures of the driver's clip, which come with the `Drive`."""
    motion: Literal["relative", "absolute"] = "relative"
    """relative: the driver's departure from its first frame, added to the portrait (as released); absolute: its own
    coefficients."""
    stretch: bool = False
    """Stretch the whole clip so that its extremes become 0 and 255, as the release does."""


@dataclass(frozen=True, eq=False)
class Drive:
    """What moves the frames of a batch beside their coefficients."""

    edits: Float[Tensor, "T M"]
    """Added to the motion coefficients of each frame."""
    first: FlameParams | None = None
    """The performance's first frame (batch shape ()), from which relative motion departs; None: the first of the batch."""
    clip: ClipCode | None = None
    """The clip whose own pictures drive, where the settings want that."""

    @property
    def digest(self) -> str:
        """Stands for all of it."""
        values = [self.edits.cpu()]
        if self.first is not None:
            values += [getattr(self.first, field.name) for field in fields(self.first)]
        digest = hashlib.sha256(f"{self.first is None}|".encode() + (self.clip.digest if self.clip else b""))
        for value in values:
            digest.update(value.contiguous().numpy().tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class PortraitCode:
    """A portrait as the network knows it: enough for edits, without motion."""

    portrait: Portrait
    square: Square
    source: Source


@dataclass(frozen=True, eq=False)
class LiaXPrepared:
    """All that the frames of a portrait share."""

    code: PortraitCode
    driver: WarpPrepared
    """The portrait, no larger than the network sees it: its warp is what drives."""
    driver_square: Square
    cover: WarpPrepared | None
    """The portrait at its size, for the transparency of its frames; None for one without."""


class LiaXRenderer:
    """Draws the motion of the warped portrait, or of a clip, with LIA-X. Keeps no state between calls."""

    name = "lia-x"

    def __init__(
        self,
        head: HeadModel,
        animator: LiaX,
        settings: LiaXSettings | None = None,
        *,
        weights: str = "",
        drive: Drive | None = None,
    ) -> None:
        """`head`: the one that portraits were fitted with; `weights`: what stands for the network's; `drive` None: no edits."""
        self._head, self._warp = head, WarpRenderer(head)
        self.animator, self.settings = animator, settings or LiaXSettings()
        self._weights, self._drive = weights, drive

    def driven(self, drive: Drive) -> LiaXRenderer:
        """The same renderer for frames that are moved by `drive`: it renders batches of its length only."""
        return LiaXRenderer(self._head, self.animator, self.settings, weights=self._weights, drive=drive)

    @property
    def signature(self) -> str:
        """What its pictures depend on beside portrait, coefficients and code."""
        return f"{self.settings}|{self._weights}|{self._drive.digest if self._drive else ''}"

    @property
    def directions(self) -> int:
        """How many motion directions the network has."""
        return self.animator.generator.config.motion_dim

    def encode(self, portrait: Portrait) -> PortraitCode:
        """The portrait as the network knows it."""
        square = head_square(self._head, portrait.params, portrait.camera, margin=_MARGIN)
        return PortraitCode(portrait, square, self.animator.encode(cut(portrait.image, square)))

    def prepare(self, portrait: Portrait) -> LiaXPrepared:
        """Work out, once a portrait, all that its frames share."""
        code = self.encode(portrait)
        small = shrink_portrait(portrait, self.animator.generator.config.size / code.square.side)
        return LiaXPrepared(
            code,
            self._warp.prepare(small),
            head_square(self._head, small.params, small.camera, margin=_MARGIN),
            None if portrait.alpha is None else self._warp.prepare(portrait),
        )

    def drawn(self, code: PortraitCode, edits: Float[Tensor, "B M"]) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
        """The network's square of the portrait itself, a picture for each row of edits."""
        for rows in edits.split(self.animator.chunk):
            yield from self.animator.decode(code.source, code.source.alpha + rows.to(code.source.alpha))

    def read_clip(
        self,
        pictures: Iterable[UInt8[np.ndarray, "H W 3"]],
        params: FlameParams,
        camera: Camera,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> Float[Tensor, "T M"]:
        """Motion coefficients of a clip's pictures: for `ClipCode`.

        All are cut to the square around the head in the first, as it was tracked with `camera`: `params`, batch shape (T,).
        """
        square = head_square(self._head, params[0], camera, margin=_MARGIN)
        read, rest = [], iter(pictures)
        while chunk := [cut(picture, square) for picture in islice(rest, self.animator.chunk)]:
            if cancelled is not None and cancelled():
                raise Cancelled
            read.append(self.animator.alpha(chunk))
        if not read:
            raise ValueError("expected a clip of at least one picture, got none")
        return torch.cat(read)

    def reach(self, index: int, total: int) -> range:
        """The frames that picture `index` is made of: those up to it where motion departs from the batch's first."""
        if self.settings.stretch:
            return range(total)
        alone = (
            self.settings.motion == "absolute"
            or self.settings.drive == "clip"
            or (self._drive is not None and self._drive.first is not None)
        )
        return range(index if alone else 0, index + 1)

    def render(
        self,
        prepared: LiaXPrepared,
        frames: FlameParams,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """One image a frame of the batch (shape (T,)), in order, at the portrait's size; RGBA for a portrait with alpha."""
        yield from self.render_part(
            prepared, frames, range(frames.batch_shape[0]), progress=progress, cancelled=cancelled
        )  # fmt: skip

    def render_part(
        self,
        prepared: LiaXPrepared,
        frames: FlameParams,
        part: range,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """The pictures `part` of those that `render` would give for all the frames. Raises `Cancelled`."""
        if not part:
            return
        drive, total = self._drive or Drive(torch.zeros(frames.batch_shape[0], self.directions)), frames.batch_shape[0]
        if len(drive.edits) != total:
            raise ValueError(f"expected a batch of {len(drive.edits)} frames, as they are driven, got {total}")
        squares: Iterator[UInt8[np.ndarray, "S S 3"]]
        if self.settings.stretch:
            squares = islice(_stretched(self._squares(prepared, frames, drive, range(total), cancelled)), part.start, part.stop)
        else:
            squares = self._squares(prepared, frames, drive, part, cancelled)
        for done, (index, square) in enumerate(zip(part, squares, strict=True), 1):
            yield self._laid_back(prepared, frames[index], square)
            if progress is not None:
                progress(done, len(part))

    def _squares(
        self, prepared: LiaXPrepared, frames: FlameParams, drive: Drive, part: range, cancelled: Callable[[], bool] | None
    ) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
        """What the network draws of the frames `part`."""
        own = prepared.code.source.alpha
        clip = self._read_clip(drive)
        start = torch.zeros_like(own)
        if self.settings.motion == "relative":
            first = frames[0] if drive.first is None else drive.first
            begins = self.performed(prepared, first) if clip is None or drive.clip is None else clip[drive.clip.first][None]
            start = own - begins.to(own)
        for at in range(part.start, part.stop, self.animator.chunk):
            if cancelled is not None and cancelled():
                raise Cancelled
            chunk = slice(at, min(part.stop, at + self.animator.chunk))
            if clip is None or drive.clip is None:
                driven = self._driven(prepared, frames[chunk])
            else:
                driven = clip[drive.clip.places[chunk].clamp(max=len(clip) - 1)]
            yield from self.animator.decode(prepared.code.source, driven.to(own) + start + drive.edits[chunk].to(own))

    def _read_clip(self, drive: Drive) -> Float[Tensor, "N M"] | None:
        """Motion coefficients of the clip's pictures; None where the warped portrait drives."""
        if self.settings.drive == "performance":
            return None
        if drive.clip is None:
            raise InputError("expected a driver with a clip, got one without; choose to be driven by the edited performance")
        return drive.clip.read()

    def performed(self, prepared: LiaXPrepared, params: FlameParams) -> Float[Tensor, "1 M"]:
        """Motion coefficients of one frame of the performance (batch shape ())."""
        return self.animator.alpha([self._driving(prepared, params)])

    def _driven(self, prepared: LiaXPrepared, frames: FlameParams) -> Float[Tensor, "T M"]:
        return self.animator.alpha([self._driving(prepared, frames[index]) for index in range(frames.batch_shape[0])])

    def _driving(self, prepared: LiaXPrepared, params: FlameParams) -> UInt8[np.ndarray, "S S 3"]:
        """What the network is shown of a frame: the warped portrait."""
        warped = next(iter(self._warp.render(prepared.driver, params[None])))
        return cut(np.ascontiguousarray(warped[..., :3]), prepared.driver_square)

    def _laid_back(
        self, prepared: LiaXPrepared, params: FlameParams, square: UInt8[np.ndarray, "S S 3"]
    ) -> UInt8[np.ndarray, "H W C"]:
        code = prepared.code
        laid = lay_back(code.portrait.image, code.square, square)
        if prepared.cover is None:
            return laid
        cover = next(iter(self._warp.render(prepared.cover, params[None])))
        return np.concatenate([laid, cover[..., 3:]], axis=2)


def _stretched(squares: Iterator[UInt8[np.ndarray, "S S 3"]]) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
    """All squares brought to the full range together. They wait on disk until the last is known, so memory stays flat."""
    low, high, count, side = 255, 0, 0, 0
    with TemporaryFile() as file:
        for square in squares:
            low, high = min(low, int(square.min())), max(high, int(square.max()))
            count, side = count + 1, len(square)
            file.write(square.tobytes())
        file.seek(0)
        for _ in range(count):
            square = np.frombuffer(file.read(side * side * 3), np.uint8).reshape(side, side, 3)
            yield np.round((square.astype(np.float32) - low) * (255 / max(high - low, 1))).astype(np.uint8)
