"""The `loki` renderer: a diffusion network draws the square around the head from driver maps, the warp all around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jaxtyping import Float
from torch import Tensor

from loki_core.diffusion.pipeline import LokiPipeline, Remembered
from loki_core.head.params import FlameParams
from loki_core.motion.apart import without_expression
from loki_core.raster.driver_map import encode_map, pose_and_deform
from loki_core.render.base import Progress
from loki_core.render.diffused.renderer import DiffusedPrepared, DiffusedRenderer, Sitter

__all__ = ["LokiRenderer"]


class LokiRenderer(DiffusedRenderer[LokiPipeline, Remembered]):
    """Tells the network of motion by driver maps."""

    name = "loki"

    def _look(self, pipeline: LokiPipeline, picture: Float[Tensor, "3 S S"], sitter: Sitter) -> Remembered:
        return pipeline.remember(picture)

    def _drawn(
        self,
        prepared: DiffusedPrepared[Remembered],
        frames: FlameParams,
        part: range,
        progress: Progress,
        cancelled: Callable[[], bool] | None,
    ) -> Iterator[Float[Tensor, "3 S S"]]:
        def maps(start: int, stop: int) -> Float[Tensor, "T 45 S S"]:
            return self._maps(prepared.sitter, frames[start:stop])

        def bare(start: int, stop: int) -> Float[Tensor, "T 45 S S"]:
            return self._maps(prepared.sitter, without_expression(frames[start:stop]))

        return self._source.pipeline().sample(
            prepared.known, maps, frames.batch_shape[0], self._settings.sampler,
            bare=bare, part=part, progress=progress, cancelled=cancelled,
        )  # fmt: skip

    def _maps(self, sitter: Sitter, frames: FlameParams) -> Float[Tensor, "T 45 S S"]:
        """Driver maps of the square. The head is as wide as the portrait's; its points are called by the plain head's."""
        vertices, moved = pose_and_deform(sitter.person, frames)
        return encode_map(self._head, sitter.seen(vertices, self._size), moved).map
