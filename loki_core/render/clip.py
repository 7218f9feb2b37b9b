"""A driver's clip whose own pictures drive a renderer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera
from loki_core.render.base import Renderer

__all__ = ["ClipCode", "ClipWatcher"]


@dataclass(frozen=True, eq=False)
class ClipCode:
    """A clip as a network knows it."""

    name: str
    """Stands for its pictures."""
    places: Int[Tensor, "T"]
    """The picture that each frame of the batch shows."""
    read: Callable[[], Float[Tensor, "N M"]]
    """Gives what `read_clip` of the renderer says of its pictures. Called once a render."""
    first: int = 0
    """The picture from which relative motion departs."""

    @property
    def digest(self) -> bytes:
        """Stands for all of it."""
        return hashlib.sha256(f"{self.name}|{self.first}|".encode() + self.places.cpu().numpy().tobytes()).digest()


@runtime_checkable
class ClipWatcher(Protocol):
    """A renderer that can be driven by a clip's own pictures, where its settings want that."""

    def read_clip(
        self,
        pictures: Iterable[UInt8[np.ndarray, "H W 3"]],
        params: FlameParams,
        camera: Camera,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> Float[Tensor, "T M"]:
        """What the network says of a clip's pictures, which were tracked as `params` (batch shape (T,)) with `camera`."""
        ...

    def watching(self, clip: ClipCode) -> Renderer:
        """The same renderer for frames that show the clip: it renders batches of as many frames as the clip has places."""
        ...
