"""All measures of one rendered clip against its target, beside those of a frozen first frame."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool

from loki_core.errors import InputError
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.metrics.expression import hef
from loki_core.metrics.images import Image, psnr_of, squared_error, ssim
from loki_core.metrics.pose import hpf
from loki_core.motion.clip import Motion
from loki_core.raster.camera import Camera, CropBox, clip_from_camera
from loki_core.raster.rasterize import rasterize

__all__ = ["Report", "Scores", "evaluate", "report_json"]

Frames = Iterable[Image]


@dataclass(frozen=True)
class Scores:
    """One clip against the target."""

    hpf_degrees: float
    """Head pose, degrees; 0 is best."""
    hef: float
    """Expression, in units of the head's deformation scale; 0 is best."""
    psnr_db: float
    """Of the whole picture, from the mean squared error over all frames: one frame that is equal does not make it infinite."""
    head_psnr_db: float
    """The same over the pixels of the target's head mesh."""
    ssim: float
    """Mean over frames; 1 is best."""
    frames: int
    """How many were compared."""
    tracker: str
    """What found the faces again: HPF and HEF of another tracker cannot be compared with these."""


@dataclass(frozen=True)
class Report(Scores):
    """The scores of a clip, and what the unmoving first target frame would have got."""

    frozen: Scores


def evaluate(
    pred: Frames,
    target: Frames,
    pred_motion: Motion,
    target_motion: Motion,
    head: HeadModel,
    *,
    tracker: str,
    frames: int | None = None,
    map_size: int = 512,
) -> Report:
    """Compare two clips, frame by frame as far as both reach; `frames` None = all of those.

    The motions are what one and the same tracker found in the two clips. The pictures are streamed. `map_size`: pixels of the
    side of HEF's maps.
    """
    count = min(pred_motion.frame_count, target_motion.frame_count, *([] if frames is None else [frames]))
    made, wanted = _first(pred_motion, count), _first(target_motion, count)
    moving, frozen = _compare_pictures(pred, target, wanted, head)

    def score(motion: Motion, sums: _PictureSums) -> Scores:
        return Scores(
            hpf_degrees=hpf(motion, wanted),
            hef=hef(motion, wanted, head, size=map_size),
            psnr_db=psnr_of(sums.error / sums.frames),
            head_psnr_db=psnr_of(sums.head_error / sums.head_frames) if sums.head_frames else math.nan,
            ssim=sums.ssim / sums.frames,
            frames=sums.frames,
            tracker=tracker,
        )

    return Report(**vars(score(made, moving)), frozen=score(_frozen(wanted), frozen))


def report_json(report: Report) -> dict[str, object]:
    """Plain values for JSON, which has no infinity and no NaN: they become None."""
    return _finite(asdict(report))


@dataclass
class _PictureSums:
    """Running sums over the frames of one comparison."""

    error: float = 0.0
    head_error: float = 0.0
    ssim: float = 0.0
    frames: int = 0
    head_frames: int = 0
    """Frames in which some of the head lies within the picture."""

    def add(self, pred: np.ndarray, target: np.ndarray, mask: Bool[np.ndarray, "H W"]) -> None:
        self.error += squared_error(pred, target)
        if mask.any():
            self.head_error += squared_error(pred, target, mask)
            self.head_frames += 1
        self.ssim += ssim(pred, target)
        self.frames += 1


def _compare_pictures(pred: Frames, target: Frames, motion: Motion, head: HeadModel) -> tuple[_PictureSums, _PictureSums]:
    moving, frozen = _PictureSums(), _PictureSums()
    first: np.ndarray | None = None
    for t, (mine, wanted) in enumerate(islice(zip(pred, target, strict=False), motion.frame_count)):
        first = wanted if first is None else first
        mask = _head_mask(head, motion.params()[t], motion.camera)
        moving.add(mine, wanted, mask)
        frozen.add(first, wanted, mask)
    if not moving.frames:
        raise InputError("expected two clips with frames, got an empty one; choose another clip")
    return moving, frozen


def _head_mask(head: HeadModel, params: FlameParams, camera: Camera | None) -> Bool[np.ndarray, "H W"]:
    if camera is None:
        raise InputError("expected a target that was tracked with a camera, got a hand-made motion; track its rendered video")
    side = max(camera.width, camera.height)
    clip = clip_from_camera(camera, CropBox(side / 2, side / 2, side / 2), pose_vertices(head, params))
    return rasterize(clip, head.faces, size=(side, side)).mask[: camera.height, : camera.width].numpy()


def _first(motion: Motion, count: int) -> Motion:
    return Motion.of(
        motion.params()[:count], fps=motion.fps, head=motion.head, camera=motion.camera, confidence=motion.confidence[:count]
    )


def _frozen(motion: Motion) -> Motion:
    """The first frame that shows the face, for as long as the motion lasts."""
    index = torch.full((motion.frame_count,), int(torch.nonzero(motion.confidence)[0]))
    still = Motion.of(_take(motion.params(), index), fps=motion.fps, head=motion.head, camera=motion.camera)
    return replace(still, confidence=motion.confidence)


def _take(params: FlameParams, index: torch.Tensor) -> FlameParams:
    return FlameParams(**{name: value[index] for name, value in vars(params).items()})


def _finite(values: dict[str, object]) -> dict[str, object]:
    plain: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            plain[name] = _finite(value)
        else:
            plain[name] = None if isinstance(value, float) and not math.isfinite(value) else value
    return plain
