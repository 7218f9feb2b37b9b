"""What every renderer is: prepare a portrait once, then stream frames for coefficients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera

__all__ = ["Cancelled", "Portrait", "Progress", "Renderer", "SequenceRenderer"]

Progress = Callable[[int, int], None]
"""Called as (done, total) frames."""


class Cancelled(Exception):
    """The user asked to stop; finished work is kept."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture with the head that was fitted to its face. All pixel measures are in the picture's own pixels."""

    image: UInt8[np.ndarray, "H W 3"]
    alpha: UInt8[np.ndarray, "H W"] | None
    """The picture's own transparency, None when it has none."""
    matte: Float[np.ndarray, "H W"]
    """Share of each pixel that belongs to the person, 0 to 1."""
    params: FlameParams
    """The fit; batch shape ()."""
    camera: Camera
    landmarks: Float[np.ndarray, "L 2"]
    """MediaPipe's 478 points, pixels."""
    offsets: Float[np.ndarray, "V 3"]
    """Free-form residual in head space (metres), added to the template so that the mesh meets the landmarks."""


@runtime_checkable
class Renderer(Protocol):
    """Re-poses a portrait. `prepare` is the slow part, run once a portrait; `render` streams, in order."""

    name: str

    @property
    def signature(self) -> str:
        """What its pictures depend on beside portrait, coefficients and code: its settings and weights. Empty: nothing."""
        ...

    def prepare(self, portrait: Portrait) -> Any: ...

    def render(
        self,
        prepared: Any,
        frames: FlameParams,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """One image a frame of the batch (shape (T,)), at the portrait's size; raises `Cancelled`."""
        ...


@runtime_checkable
class SequenceRenderer(Renderer, Protocol):
    """A renderer whose pictures depend on the frames around them, too."""

    def reach(self, index: int, total: int) -> range:
        """The frames of a batch of `total` that picture `index` is made of: itself and neighbours."""
        ...

    def render_part(
        self,
        prepared: Any,
        frames: FlameParams,
        part: range,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """The pictures `part` of those that `render` would give for all the frames, equal to them. Raises `Cancelled`."""
        ...
