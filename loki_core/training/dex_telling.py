"""What tells DeX-Portrait's network of a scene's motion: pictures of the drivers, as in training, or what the renderer has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.data.portraits import draw_map
from loki_core.data.vectors import head_similarity
from loki_core.dex.mapping import DexMapping
from loki_core.dex.pipeline import DexPipeline
from loki_core.head.model import HeadModel
from loki_core.raster.driver_map import pose_and_deform
from loki_core.training.held_out import Driven
from loki_core.training.methods import WarpMethod
from loki_core.training.pictures import signed
from loki_core.training.sampling import DexInputs

__all__ = ["PICTURES", "ByCoefficients", "ByPictures", "ByWarp", "Telling", "portraits_of"]

PICTURES = ("poses", "pose_focus", "faces", "face_places")
"""What methods are told that look at pictures of the drivers."""
_COEFFICIENTS = ("coefficients", "camera", "crop")


@runtime_checkable
class Telling(Protocol):
    """Gives poses and latents of a scene's targets."""

    @property
    def told(self) -> tuple[str, ...]:
        """The fields of a scene that they come from."""
        ...

    @property
    def people(self) -> int | None:
        """Of how many people, where it is slow; None: all."""
        ...

    def inputs(self, pipeline: DexPipeline, head: HeadModel, samples: Sequence[Driven]) -> DexInputs: ...


@dataclass(frozen=True)
class ByPictures:
    """The encoders look at the drivers."""

    told: tuple[str, ...] = PICTURES
    people: int | None = None

    def inputs(self, pipeline: DexPipeline, head: HeadModel, samples: Sequence[Driven]) -> DexInputs:
        poses = pipeline.pose(signed(torch.cat([s.poses for s in samples])), torch.cat([s.pose_focus for s in samples]))
        faces = pipeline.expression(signed(torch.cat([s.faces for s in samples])), torch.cat([s.face_places for s in samples]))
        return _inputs(pipeline, head, samples, poses, faces)


@dataclass(frozen=True, eq=False)
class ByCoefficients:
    """The encoders look at the portrait; the mapping says what changes from there."""

    mapping: DexMapping
    told: tuple[str, ...] = _COEFFICIENTS
    people: int | None = None

    def inputs(self, pipeline: DexPipeline, head: HeadModel, samples: Sequence[Driven]) -> DexInputs:
        sources, starts = _portrait_poses(pipeline, head, samples), [s.reference_coefficients for s in samples]
        places = [head_similarity(head, start[None], s.camera, s.crop) for start, s in zip(starts, samples, strict=True)]
        latents = pipeline.expression(signed(portraits_of(samples)), torch.cat(places))
        poses, faces = [], []
        for sample, start, source, latent in zip(samples, starts, sources, latents, strict=True):
            frames = sample.coefficients
            poses.append(self.mapping.poses(head, frames, start, source[None], sample.camera, sample.crop))
            faces.append(self.mapping.expressions(frames, start, latent[None]))
        return DexInputs(sources, torch.stack(poses), torch.stack(faces))


@dataclass(frozen=True)
class ByWarp:
    """The encoders look at the warped portrait."""

    told: tuple[str, ...] = _COEFFICIENTS
    people: int | None = WarpMethod.people

    def inputs(self, pipeline: DexPipeline, head: HeadModel, samples: Sequence[Driven]) -> DexInputs:
        warped = signed(WarpMethod(head).frames(samples).flatten(0, 1))
        poses = pipeline.pose(warped, torch.cat([s.focus for s in samples]))
        faces = pipeline.expression(warped, torch.cat([s.places for s in samples]))
        return _inputs(pipeline, head, samples, poses, faces)


def portraits_of(samples: Sequence[Driven]) -> UInt8[Tensor, "B 3 H W"]:
    """The pictures that a method is given of each person."""
    return torch.stack([s.reference for s in samples])


def _inputs(
    pipeline: DexPipeline,
    head: HeadModel,
    samples: Sequence[Driven],
    poses: Float[Tensor, "BT 3 4"],
    faces: Float[Tensor, "BT E"],
) -> DexInputs:
    count = len(samples[0].targets)
    return DexInputs(_portrait_poses(pipeline, head, samples), poses.unflatten(0, (-1, count)), faces.unflatten(0, (-1, count)))


def _portrait_poses(pipeline: DexPipeline, head: HeadModel, samples: Sequence[Driven]) -> Float[Tensor, "B 3 4"]:
    return pipeline.pose(signed(portraits_of(samples)), torch.stack([_portrait_focus(head, s) for s in samples]))


def _portrait_focus(head: HeadModel, sample: Driven) -> Float[Tensor, "H W"]:
    vertices, moved = pose_and_deform(head, sample.reference_coefficients[None])
    return draw_map(head, vertices, moved, sample.camera, sample.crop, size=sample.reference.shape[-1])[1][0]
