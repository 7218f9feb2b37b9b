"""The `dex` renderer: a diffusion network draws the square around the head from poses and expression latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.data.portraits import feature_shares
from loki_core.data.vectors import head_similarity
from loki_core.dex.pipeline import DexMotion, DexPipeline, KnownPortrait, Motions
from loki_core.dex.similarity import DEGREES_OF_FREEDOM, pose_matrix, pose_values
from loki_core.errors import InputError
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera
from loki_core.render.base import Cancelled, Progress
from loki_core.render.clip import ClipCode
from loki_core.render.dex.source import DexSource
from loki_core.render.diffused.picture import box_of, to_network
from loki_core.render.diffused.renderer import HEAD_MARGIN, DiffusedPrepared, DiffusedRenderer, DiffusedSettings, Sitter
from loki_core.render.lia_x.square import head_square

__all__ = ["DexKnown", "DexRenderer", "DexSettings", "Told"]

Told = Literal["coefficients", "warp", "clip"]
_CHUNK = 16
"""Pictures of a clip that are read at once."""


@dataclass(frozen=True)
class DexSettings(DiffusedSettings):
    """How frames are made."""

    told: Told = "coefficients"
    """What the network is told of motion by: coefficients, mapped to what its encoders would say; pictures of the warped
    portrait, through the encoders; pictures of the driver's clip, as they are."""


@dataclass(frozen=True, eq=False)
class DexKnown:
    """What the network knows of a portrait."""

    portrait: KnownPortrait
    pose: Float[Tensor, "1 3 4"]
    """As its encoder says; float32 on the CPU, as is the latent."""
    latent: Float[Tensor, "1 E"]


class DexRenderer(DiffusedRenderer[DexPipeline, DexKnown]):
    """Tells the network of motion by a similarity transform and a latent."""

    name = "dex"

    def __init__(self, head: HeadModel, source: DexSource, settings: DexSettings, clip: ClipCode | None = None) -> None:
        """`head`: the one that portraits were fitted with; `clip`: what drives, where the settings want one."""
        super().__init__(head, source, settings)
        self._dex, self._asked, self._clip = source, settings, clip

    @property
    def signature(self) -> str:
        return f"{super().signature}|{self._clip.digest.hex() if self._clip else ''}"

    def watching(self, clip: ClipCode) -> DexRenderer:
        """The same renderer with a clip, where it is set to be told by one: then it renders batches of its length only."""
        return DexRenderer(self._head, self._dex, self._asked, clip) if self._asked.told == "clip" else self

    def motions(self, prepared: DiffusedPrepared[DexKnown], frames: FlameParams) -> Motions:
        """What the network is told of frames (batch shape (T,)).

        Raises `InputError` for a mapping that cannot be used, and for a driver without a clip where one is wanted.
        """
        if self._asked.told == "clip":
            return self._filmed(frames.batch_shape[0])
        tell = self._warped if self._asked.told == "warp" else self._mapped
        return lambda start, stop: tell(prepared, frames[start:stop])

    def read_clip(
        self,
        pictures: Iterable[UInt8[np.ndarray, "H W 3"]],
        params: FlameParams,
        camera: Camera,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> Float[Tensor, "T M"]:
        """The six numbers of the pose, then the expression latent, of each of a clip's pictures: for `ClipCode`.

        All are cut to the square around the head in the first, as it was tracked with `camera`: `params`, batch shape (T,).
        """
        filmed = Sitter(params[0], self._head, camera, head_square(self._head, params[0], camera, margin=HEAD_MARGIN))
        read, rest, done = [], iter(pictures), 0
        while chunk := [to_network(picture, filmed.square, self._size) for picture in islice(rest, _CHUNK)]:
            if cancelled is not None and cancelled():
                raise Cancelled
            told = self._read(torch.stack(chunk), filmed, params[done : done + len(chunk)])
            read.append(torch.cat([pose_values(told.poses), told.expressions], dim=1).float().cpu())
            done += len(chunk)
        if not read:
            raise ValueError("expected a clip of at least one picture, got none")
        return torch.cat(read)

    def _look(self, pipeline: DexPipeline, picture: Float[Tensor, "3 S S"], sitter: Sitter) -> DexKnown:
        portrait = pipeline.remember(picture, self._focus(sitter, sitter.params[None])[0])
        latent = pipeline.expression(picture[None], self._places(sitter, sitter.params[None]))
        return DexKnown(portrait, portrait.pose.float().cpu(), latent.float().cpu())

    def _draw_portrait(self, prepared: DiffusedPrepared[DexKnown]) -> Float[Tensor, "3 S S"]:
        known = prepared.known  # a clip says nothing of the portrait itself
        return next(self._source.pipeline().sample(known.portrait, DexMotion(known.pose, known.latent), self._settings.sampler))

    def _drawn(
        self,
        prepared: DiffusedPrepared[DexKnown],
        frames: FlameParams,
        part: range,
        progress: Progress,
        cancelled: Callable[[], bool] | None,
    ) -> Iterator[Float[Tensor, "3 S S"]]:
        return self._source.pipeline().stream(
            prepared.known.portrait, self.motions(prepared, frames), frames.batch_shape[0], self._settings.sampler,
            part=part, progress=progress, cancelled=cancelled,
        )  # fmt: skip

    def _mapped(self, prepared: DiffusedPrepared[DexKnown], frames: FlameParams) -> DexMotion:
        mapping, sitter, known = self._dex.mapping(), prepared.sitter, prepared.known
        crop = box_of(sitter.square)
        return DexMotion(
            mapping.poses(sitter.person, frames, sitter.params, known.pose, sitter.camera, crop),
            mapping.expressions(frames, sitter.params, known.latent),
        )

    def _warped(self, prepared: DiffusedPrepared[DexKnown], frames: FlameParams) -> DexMotion:
        square = prepared.square
        warped = (np.ascontiguousarray(frame[..., :3]) for frame in self._warp.render(prepared.portrait, frames))
        pictures = torch.stack([to_network(frame, square, self._size) for frame in warped])
        return self._read(pictures, prepared.sitter, frames)

    def _filmed(self, count: int) -> Motions:
        clip = self._clip
        if clip is None:
            raise InputError("expected a driver with a clip, got one without; choose to be told by the edited performance")
        if len(clip.places) != count:
            raise ValueError(f"expected a batch of {len(clip.places)} frames, as they are driven, got {count}")
        numbers = clip.read()
        shown = numbers[clip.places.clamp(max=len(numbers) - 1)]
        poses, expressions = pose_matrix(shown[:, :DEGREES_OF_FREEDOM]), shown[:, DEGREES_OF_FREEDOM:]
        return lambda start, stop: DexMotion(poses[start:stop], expressions[start:stop])

    def _read(self, pictures: Float[Tensor, "T 3 S S"], sitter: Sitter, frames: FlameParams) -> DexMotion:
        """What the encoders say of pictures of a head's square."""
        pipeline = self._source.pipeline()
        return DexMotion(
            pipeline.pose(pictures, self._focus(sitter, frames)), pipeline.expression(pictures, self._places(sitter, frames))
        )

    def _focus(self, sitter: Sitter, frames: FlameParams) -> Float[Tensor, "T S S"]:
        """Where eyes and mouth are in the square."""
        return feature_shares(sitter.person, sitter.seen(pose_vertices(sitter.person, frames), self._size))

    def _places(self, sitter: Sitter, frames: FlameParams) -> Float[Tensor, "T 6"]:
        """Where the head is in the square."""
        return head_similarity(sitter.person, frames, sitter.camera, box_of(sitter.square))
