"""What is compared: a network, the unmoving portrait, the `warp` renderer, and the truth itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.data.samples import Sample
from loki_core.diffusion.encoder import encoder_input
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, project
from loki_core.render.base import Portrait
from loki_core.render.warp.renderer import WarpRenderer
from loki_core.track.matte import person_matte
from loki_core.training.sampling import sample_windows

__all__ = ["Frozen", "Method", "NetworkMethod", "Truth", "WarpMethod", "crop_camera"]

Pictures = UInt8[Tensor, "B T 3 H W"]
_WARP_SIDE = 128
"""Pixels that a small portrait is enlarged to before it is warped: eyes need some to be found in."""


@runtime_checkable
class Method(Protocol):
    """Draws the targets of samples of one shape."""

    @property
    def name(self) -> str: ...

    @property
    def people(self) -> int | None:
        """How many people it draws, where drawing is slow; None: all."""
        ...

    def frames(self, samples: Sequence[Sample]) -> Pictures:
        """Each target by itself, all from the same noise where there is any."""
        ...

    def clips(self, samples: Sequence[Sample]) -> Pictures:
        """The targets of a sample as one clip."""
        ...


@dataclass(frozen=True, eq=False)
class NetworkMethod:
    """A trained network."""

    name: str
    pipeline: LokiPipeline
    sampler: SamplerConfig
    half: bool = True
    """bfloat16, as in training."""
    people: int | None = None

    def frames(self, samples: Sequence[Sample]) -> Pictures:
        references, inputs = self._given(samples)
        count = inputs.shape[1]
        made = sample_windows(self.pipeline, references, inputs.flatten(0, 1)[:, None], self.sampler, half=self.half)
        return made[:, 0].unflatten(0, (-1, count))

    def clips(self, samples: Sequence[Sample]) -> Pictures:
        return sample_windows(self.pipeline, *self._given(samples), self.sampler, half=self.half)

    def _given(self, samples: Sequence[Sample]) -> tuple[UInt8[Tensor, "B 3 H W"], Float[Tensor, "B T M h w"]]:
        maps, vectors = torch.stack([s.maps for s in samples]), torch.stack([s.vectors for s in samples])
        return torch.stack([s.reference for s in samples]), encoder_input(self.pipeline.network.loki.encoder, maps, vectors)


class Frozen:
    """The portrait as it is."""

    name = "frozen portrait"
    people = None

    def frames(self, samples: Sequence[Sample]) -> Pictures:
        return torch.stack([s.reference.expand_as(s.targets) for s in samples])

    clips = frames


class Truth:
    """What the targets are: the best that any method could do, and what measuring itself loses."""

    name = "truth"
    people = None

    def frames(self, samples: Sequence[Sample]) -> Pictures:
        return torch.stack([s.targets for s in samples])

    clips = frames


@dataclass(frozen=True, eq=False)
class WarpMethod:
    """The `warp` renderer with the true coefficients, camera and landmarks; its matte is MediaPipe's, as for any picture."""

    head: HeadModel
    name: str = "warp renderer"
    people: int | None = 48
    """Looking at a portrait takes most of a second."""

    def frames(self, samples: Sequence[Sample]) -> Pictures:
        renderer, made = WarpRenderer(self.head), []
        for sample in samples:
            side = sample.reference.shape[-1]
            frames = renderer.render(renderer.prepare(_portrait(self.head, sample)), sample.coefficients)
            small = [cv2.resize(frame[..., :3], (side, side), interpolation=cv2.INTER_AREA) for frame in frames]
            made.append(torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2))
        return torch.stack(made)

    clips = frames


def crop_camera(camera: Camera, crop: CropBox, side: int) -> Camera:
    """The camera whose picture, `side` pixels square, is the crop of another's."""
    scale = side / (2 * crop.half)
    left, top = crop.cx - crop.half, crop.cy - crop.half
    return Camera(camera.focal * scale, (camera.cx - left) * scale, (camera.cy - top) * scale, side, side)


def _portrait(head: HeadModel, sample: Sample) -> Portrait:
    side = max(_WARP_SIDE, sample.reference.shape[-1])
    small = sample.reference.permute(1, 2, 0).numpy()
    picture = np.ascontiguousarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC))
    camera = crop_camera(sample.camera, sample.crop, side)
    return Portrait(
        image=picture,
        alpha=None,
        matte=person_matte(picture),
        params=sample.reference_coefficients,
        camera=camera,
        landmarks=_landmarks(head, sample.reference_coefficients, camera),
        offsets=np.zeros((len(head.template), 3)),
    )


def _landmarks(head: HeadModel, params: FlameParams, camera: Camera) -> Float[np.ndarray, "L 2"]:
    """Where MediaPipe's points lie on the posed head."""
    if head.anchors is None:
        raise ValueError(f"expected a head with measured landmarks, got '{head.name}' without")
    corners = pose_vertices(head, params)[head.faces[head.anchors.faces]]
    return project(camera, (corners * head.anchors.barycentrics[..., None]).sum(1)).double().numpy()
