"""The `warp` renderer: the portrait's own pixels on the fitted head mesh, re-posed. Needs no weights and no GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import UInt8

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.render.base import Cancelled, Portrait, Progress
from loki_core.render.warp.frame import draw_frame
from loki_core.render.warp.prepare import prepare_warp
from loki_core.render.warp.prepared import WarpPrepared

__all__ = ["WarpRenderer", "render_frame"]

_CHUNK = 16
"""Frames that are posed at once."""


class WarpRenderer:
    """Re-poses a portrait by moving its pixels with the head mesh. Keeps no state between calls."""

    name = "warp"
    signature = ""

    def __init__(self, head: HeadModel) -> None:
        """`head`: the one that portraits were fitted with."""
        self._head = head

    def prepare(self, portrait: Portrait) -> WarpPrepared:
        """Work out, once a portrait, all that its frames share."""
        return prepare_warp(portrait, self._head)

    def render(
        self,
        prepared: WarpPrepared,
        frames: FlameParams,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """One image a frame of the batch (shape (T,)), in order, at the portrait's size; RGBA for a portrait with alpha."""
        total = frames.batch_shape[0]
        for start in range(0, total, _CHUNK):
            posed = pose_vertices(prepared.head, frames[start : start + _CHUNK])
            for offset, vertices in enumerate(posed):
                if cancelled is not None and cancelled():
                    raise Cancelled
                yield draw_frame(prepared, vertices)
                if progress is not None:
                    progress(start + offset + 1, total)


def render_frame(prepared: WarpPrepared, params: FlameParams) -> UInt8[np.ndarray, "H W C"]:
    """One frame, for coefficients of batch shape (). A live preview prepares a smaller portrait (`resize.shrink_portrait`)."""
    return draw_frame(prepared, pose_vertices(prepared.head, params))
