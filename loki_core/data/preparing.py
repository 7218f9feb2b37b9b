"""From one video to scenes that a network can be trained on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, islice
from math import ceil
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from loki_core.data.scenes import find_scenes
from loki_core.data.shards import Shard
from loki_core.errors import InputError
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.media.video_in import probe, read_frames
from loki_core.motion.clip import Motion
from loki_core.raster.camera import CropBox, head_crop, project
from loki_core.track.clip import track_clip
from loki_core.track.matte import person_matte

__all__ = ["PrepareConfig", "Refusal", "Scene", "cut_crop", "prepare_video", "sharpness"]

_MATTE_SIDE, _SHARP_SIDE = 256, 128
"""Pixels of the crop in which the person is cut out, and in which sharpness is measured."""
_MARGIN = 0.1
"""Around the head in all frames of a scene, over its half size."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrepareConfig:
    """What is kept, and how."""

    size: int = 64
    """Side of the pictures, pixels."""
    fps: int = 25
    """Frames a second that are kept at most: those on screen at each step. A slower clip keeps its own."""
    smallest: int = 64
    """Side of the head's crop in the clip, pixels, below which a frame is refused."""
    sharpness: float = 15.0
    """Variance of the Laplacian of the crop at 128 pixels below which a frame is refused."""
    confidence: float = 0.3
    """Of the tracker, 0 to 1, below which a frame is refused."""
    shortest: int = 16
    """Frames of a scene."""
    longest: int = 250
    """Frames after which a scene is split."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A run of good frames."""

    start: float
    """Seconds from the clip's first frame."""
    shard: Shard


@dataclass(frozen=True)
class Refusal:
    """Frames that are left out."""

    start: float
    """Seconds from the clip's first frame."""
    frames: int
    """At the rate that is kept."""
    reason: str


def prepare_video(path: Path, head: HeadModel, config: PrepareConfig) -> Iterator[Scene | Refusal]:
    """Cut a clip into scenes, track the largest face in each, and keep the runs of good frames.

    Raises `InputError` for what is no clip. One identity is solved for each scene.
    """
    info = probe(path)
    for scene in find_scenes(read_frames(path)):
        kept = len(scene) * min(Fraction(1), config.fps / info.fps)
        pieces = ceil(kept / config.longest)
        for piece in np.array_split(np.array(scene), pieces):
            yield from _prepare_piece(path, head, config, info.fps, int(piece[0]), int(piece[-1]) + 1)


def _prepare_piece(
    path: Path, head: HeadModel, config: PrepareConfig, fps: Fraction, first: int, stop: int
) -> Iterator[Scene | Refusal]:
    """One stretch of frames without a cut."""
    start, end, rate = first / fps, stop / fps, min(fps, Fraction(config.fps))
    kept = _steps(stop - first, fps, config.fps)
    if len(kept) < config.shortest:
        yield Refusal(float(start), len(kept), "scene too short")
        return
    try:
        tracked = track_clip(path, head, start=start, end=end)
    except InputError as exc:
        _log.info("%s from %.2f s: %s", path.name, float(start), exc)
        yield Refusal(float(start), len(kept), "no face")
        return
    kept = kept[kept < tracked.frame_count]  # a damaged end gives fewer
    motion = Motion.of(
        _take(tracked.params(), kept), fps=rate, head=head.id, camera=tracked.camera, confidence=tracked.confidence[kept]
    )
    pixels = _head_pixels(head, motion)

    def frames() -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        """Read again for each use: a scene's frames as a whole would not fit everywhere."""
        shown = set(kept.tolist())
        return (frame for t, frame in enumerate(read_frames(path, start=start, end=end)) if t in shown)

    verdicts, sharp = _judge(frames(), motion, pixels, config)
    for verdict, group in groupby(range(len(verdicts)), key=verdicts.__getitem__):
        run = list(group)
        begin = float(start + run[0] / rate)
        if verdict or len(run) < config.shortest:
            yield Refusal(begin, len(run), verdict or "good run too short")
        else:
            chosen = slice(run[0], run[-1] + 1)
            good = islice(frames(), chosen.start, chosen.stop)
            yield Scene(begin, _shard(good, _part(motion, chosen), pixels[chosen], sharp[chosen], config.size))


def _steps(count: int, fps: Fraction, wanted: int) -> Int[np.ndarray, "K"]:
    """Numbers of the frames that are on screen at each step of the wanted rate."""
    if fps <= wanted:
        return np.arange(count)
    steps = (int(k * fps / wanted) for k in range(ceil(count * wanted / fps)))
    return np.array([step for step in steps if step < count])


def _judge(
    frames: Iterator[UInt8[np.ndarray, "H W 3"]], motion: Motion, pixels: Float[torch.Tensor, "T V 2"], config: PrepareConfig
) -> tuple[list[str], Float[np.ndarray, "T"]]:
    """What is wrong with each frame, empty for a good one, and how sharp each is."""
    verdicts, sharp = [], []
    for t, frame in enumerate(islice(frames, motion.frame_count)):
        crop = _whole(head_crop(pixels[t]))
        sharp.append(sharpness(cut_crop(frame, crop, _SHARP_SIDE)))
        inside = (pixels[t] >= 0).all(1) & (pixels[t] <= torch.tensor(frame.shape[1::-1])).all(1)
        faults = {
            "no face": motion.confidence[t] <= 0,
            "tracking uncertain": motion.confidence[t] < config.confidence,
            "face too small": 2 * crop.half < config.smallest,
            "head leaves the picture": inside.float().mean() < 0.9,
            "blurred": sharp[t] < config.sharpness,
        }
        verdicts.append(next((name for name, found in faults.items() if bool(found)), ""))
    return verdicts, np.array(sharp)


def _shard(
    frames: Iterator[UInt8[np.ndarray, "H W 3"]],
    motion: Motion,
    pixels: Float[torch.Tensor, "T V 2"],
    sharp: Float[np.ndarray, "T"],
    size: int,
) -> Shard:
    """All frames in one crop that holds the head throughout: the camera does not follow it."""
    crop = _whole(head_crop(pixels.flatten(0, 1), margin=_MARGIN))
    pictures, mattes = [], []
    for frame in frames:
        pictures.append(cut_crop(frame, crop, size))
        matte = person_matte(cut_crop(frame, crop, _MATTE_SIDE))
        mattes.append(cv2.resize(matte, (size, size), interpolation=cv2.INTER_AREA))
    return Shard(np.stack(pictures), (np.stack(mattes) * 255 + 0.5).astype(np.uint8), sharp, motion, crop)


def cut_crop(frame: UInt8[np.ndarray, "H W 3"], crop: CropBox, size: int) -> UInt8[np.ndarray, "N N 3"]:
    """The crop, of whole pixels, at `size`; beyond the picture its edge goes on."""
    left, top, side = int(crop.cx - crop.half), int(crop.cy - crop.half), int(2 * crop.half)
    height, width = frame.shape[:2]
    rows, columns = np.arange(top, top + side).clip(0, height - 1), np.arange(left, left + side).clip(0, width - 1)
    cut = np.ascontiguousarray(frame[rows][:, columns])
    return cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)


def sharpness(picture: UInt8[np.ndarray, "H W 3"]) -> float:
    """Variance of the Laplacian of the grey levels (Pech-Pacheco et al. 2000)."""
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def _whole(crop: CropBox) -> CropBox:
    """The crop with edges on whole pixels."""
    half = max(1, ceil(crop.half))
    return CropBox(float(round(crop.cx)), float(round(crop.cy)), float(half))


def _head_pixels(head: HeadModel, motion: Motion) -> Float[torch.Tensor, "T V 2"]:
    if motion.camera is None:
        raise ValueError("expected a tracked motion, got one without a camera")
    return project(motion.camera, pose_vertices(head, motion.params()))


def _part(motion: Motion, chosen: slice) -> Motion:
    params = motion.params()[chosen]
    return Motion.of(params, fps=motion.fps, head=motion.head, camera=motion.camera, confidence=motion.confidence[chosen])


def _take(params: FlameParams, kept: Int[np.ndarray, "K"]) -> FlameParams:
    return FlameParams(**{name: value[torch.from_numpy(kept)] for name, value in vars(params).items()})
