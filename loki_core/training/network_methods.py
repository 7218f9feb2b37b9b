"""Trained networks among what is compared: Loki, DeX-Portrait and LIA-X, each told what it reads of a scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float16, UInt8
from torch import Tensor, nn

from loki_core.data.vectors import motion_vectors
from loki_core.dex.pipeline import DexPipeline
from loki_core.diffusion.encoder import encoder_input
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.head.model import HeadModel
from loki_core.lia_x.animate import LiaX
from loki_core.motion.apart import without_expression
from loki_core.raster.driver_map import driver_map
from loki_core.training.dex_telling import PICTURES, ByPictures, Telling, portraits_of
from loki_core.training.held_out import Driven
from loki_core.training.pictures import in_bytes, signed
from loki_core.training.sampling import DexInputs, sample_dex_windows, sample_windows

__all__ = ["DexMethod", "LiaXMethod", "NetworkMethod", "SketchMethod"]

Pictures = UInt8[Tensor, "B T 3 H W"]


@dataclass(frozen=True, eq=False)
class NetworkMethod:
    """Loki, told the driver maps of the targets, or their coefficients."""

    name: str
    pipeline: LokiPipeline
    sampler: SamplerConfig
    head: HeadModel
    half: bool = True
    """bfloat16, as in training."""
    people: int | None = None
    apart: bool = True
    told: tuple[str, ...] = ("maps", "coefficients", "camera", "crop")

    @property
    def parameters(self) -> int:
        return _parameters(self.pipeline.network)

    def frames(self, samples: Sequence[Driven]) -> Pictures:
        inputs, bare = self._inputs(samples)
        one_by_one = None if bare is None else bare.flatten(0, 1)[:, None]
        made = self._draw(samples, inputs.flatten(0, 1)[:, None], one_by_one)
        return made[:, 0].unflatten(0, (-1, inputs.shape[1]))

    def clips(self, samples: Sequence[Driven]) -> Pictures:
        return self._draw(samples, *self._inputs(samples))

    def _draw(
        self, samples: Sequence[Driven], inputs: Float[Tensor, "B T M h w"], bare: Float[Tensor, "B T M h w"] | None
    ) -> Pictures:
        return sample_windows(self.pipeline, portraits_of(samples), inputs, self.sampler, bare=bare, half=self.half)

    def _inputs(self, samples: Sequence[Driven]) -> tuple[Float[Tensor, "B T M h w"], Float[Tensor, "B T M h w"] | None]:
        """Of the motions, and for progressive guidance of their poses alone."""
        encoder = self.pipeline.network.loki.encoder
        maps, vectors = torch.stack([s.maps for s in samples]), torch.stack([s.vectors for s in samples])
        whole = encoder_input(encoder, maps, vectors)
        if not self.sampler.guidance.progressive:
            return whole, None
        posed = [_posed(self.head, each) for each in samples]
        return whole, encoder_input(encoder, torch.stack([m for m, _ in posed]), torch.stack([v for _, v in posed]))


@dataclass(frozen=True, eq=False)
class DexMethod:
    """DeX-Portrait, told of motion by pictures of the drivers or by what the renderer has."""

    name: str
    pipeline: DexPipeline
    sampler: SamplerConfig
    head: HeadModel
    half: bool = True
    telling: Telling = ByPictures()  # noqa: RUF009  # frozen
    apart: bool = True

    @property
    def people(self) -> int | None:
        return self.telling.people

    @property
    def told(self) -> tuple[str, ...]:
        return self.telling.told

    @property
    def parameters(self) -> int:
        return _parameters(self.pipeline.network)

    def frames(self, samples: Sequence[Driven]) -> Pictures:
        inputs, count = self.inputs(samples), len(samples[0].targets)
        sources = inputs.sources.repeat_interleave(count, 0)
        single = DexInputs(sources, inputs.poses.flatten(0, 1)[:, None], inputs.expressions.flatten(0, 1)[:, None])
        made = sample_dex_windows(self.pipeline, portraits_of(samples), single, self.sampler, half=self.half)
        return made[:, 0].unflatten(0, (-1, count))

    def clips(self, samples: Sequence[Driven]) -> Pictures:
        return sample_dex_windows(self.pipeline, portraits_of(samples), self.inputs(samples), self.sampler, half=self.half)

    def inputs(self, samples: Sequence[Driven]) -> DexInputs:
        """Poses and latents of the targets, and the poses of the portraits."""
        return self.telling.inputs(self.pipeline, self.head, samples)


@dataclass(frozen=True, eq=False)
class SketchMethod:
    """What DeX-Portrait's motion trainer draws by itself: what its animator starts from."""

    name: str
    pipeline: DexPipeline
    head: HeadModel
    people: int | None = None
    apart: bool = True
    told: tuple[str, ...] = PICTURES

    @property
    def parameters(self) -> int:
        return _parameters(self.pipeline.network.motion)

    @torch.no_grad()
    def frames(self, samples: Sequence[Driven]) -> Pictures:
        network = self.pipeline.network
        told = ByPictures().inputs(self.pipeline, self.head, samples)
        volumes = network.motion.appearance(signed(portraits_of(samples)))
        return in_bytes(network.draw_sketch(volumes, told.sources, told.poses, told.expressions).picture)

    clips = frames


@dataclass(frozen=True, eq=False)
class LiaXMethod:
    """LIA-X with the coefficients of the driver's own picture, as it is trained; they hold pose and expression together."""

    name: str
    animator: LiaX
    people: int | None = None
    apart: bool = False
    told: tuple[str, ...] = PICTURES

    @property
    def parameters(self) -> int:
        return _parameters(self.animator.generator)

    def frames(self, samples: Sequence[Driven]) -> Pictures:
        return torch.stack([self._drawn(sample) for sample in samples])

    clips = frames

    def _drawn(self, sample: Driven) -> UInt8[Tensor, "T 3 H W"]:
        side = sample.reference.shape[-1]
        source = self.animator.encode(_image(sample.reference))
        alpha = self.animator.alpha([_image(picture) for picture in sample.faces])
        made = self.animator.decode(source, alpha)
        return torch.stack([torch.from_numpy(_resized(image, side)).permute(2, 0, 1) for image in made])


def _posed(head: HeadModel, sample: Driven) -> tuple[Float16[Tensor, "T 45 H W"], Float[Tensor, "T K"]]:
    """Maps and numbers of the targets' poses without their expressions."""
    bare = without_expression(sample.coefficients)
    size = (sample.reference.shape[1], sample.reference.shape[2])
    return driver_map(head, bare, sample.camera, sample.crop, size=size).map, motion_vectors(bare, sample.camera, sample.crop)


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _image(picture: UInt8[Tensor, "3 H W"]) -> UInt8[np.ndarray, "H W 3"]:
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def _resized(image: UInt8[np.ndarray, "H W 3"], side: int) -> UInt8[np.ndarray, "N N 3"]:
    return image if len(image) == side else np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
