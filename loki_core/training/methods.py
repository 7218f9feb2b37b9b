"""What is compared: networks, the unmoving portrait, the `warp` renderer, and the truth itself."""

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
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, project
from loki_core.render.base import Portrait
from loki_core.render.warp.renderer import WarpRenderer
from loki_core.track.matte import person_matte
from loki_core.training.held_out import Driven

__all__ = ["TRUTH", "Frozen", "Learned", "Method", "Truth", "WarpMethod", "crop_camera"]

Pictures = UInt8[Tensor, "B T 3 H W"]
TRUTH = "truth"
"""The name of what the targets are."""
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

    @property
    def apart(self) -> bool:
        """Whether pose and expression may come from two drivers."""
        ...

    def frames(self, samples: Sequence[Driven]) -> Pictures:
        """Each target by itself, all from the same noise where there is any."""
        ...

    def clips(self, samples: Sequence[Driven]) -> Pictures:
        """The targets of a sample as one clip."""
        ...


@runtime_checkable
class Learned(Method, Protocol):
    """One that was trained."""

    @property
    def parameters(self) -> int: ...

    @property
    def told(self) -> tuple[str, ...]:
        """The fields of a sample that it learns the motion from."""
        ...


class Frozen:
    """The portrait as it is."""

    name = "frozen portrait"
    people = None
    apart = True

    def frames(self, samples: Sequence[Sample]) -> Pictures:
        return torch.stack([s.reference.expand_as(s.targets) for s in samples])

    clips = frames


class Truth:
    """What the targets are: the best that any method could do, and what measuring itself loses."""

    name = TRUTH
    people = None
    apart = True

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
    apart: bool = True

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
