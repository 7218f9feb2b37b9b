"""A portrait and a driver become frames: the chain that the command line, the evaluation and scripts share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from moviepy.audio.AudioClip import AudioClip

from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.units import UnitBasis
from loki_core.media.picture import read_picture
from loki_core.media.sound import driver_sound
from loki_core.media.video_in import read_frames
from loki_core.motion.clip import Motion
from loki_core.motion.files import is_motion_file, read_motion
from loki_core.motion.retarget import RetargetSettings
from loki_core.render.base import Portrait, Progress, Renderer
from loki_core.render.clip import ClipCode, ClipWatcher
from loki_core.render.lia_x.renderer import Drive, LiaXRenderer
from loki_core.timeline.apart import perform_apart
from loki_core.timeline.latents import latent_edits
from loki_core.timeline.layers import Layer
from loki_core.timeline.performance import Performance, perform
from loki_core.track.clip import track_clip
from loki_core.track.portrait import fit_portrait

__all__ = ["Driver", "driven", "open_driver", "open_portrait", "posed_from", "reenact", "watching"]

Picture = UInt8[np.ndarray, "H W C"]
Stage = Callable[[str], Progress]
"""Gives the progress call of a named stretch of work."""


@dataclass(frozen=True, eq=False)
class Driver:
    """What moves the portrait, and where it came from."""

    performance: Performance
    clip: Path | None = None
    """The video behind it; None for a motion file or a preset."""
    start: Fraction | None = None
    end: Fraction | None = None
    """The part of the clip that was tracked, seconds."""

    def sound(self) -> AudioClip | None:
        """The clip's sound over that part."""
        return None if self.clip is None else driver_sound(self.clip, start=self.start, end=self.end)

    def frames(self) -> Iterator[Picture]:
        """The clip's pictures over that part. Raises `ValueError` where there is no clip."""
        if self.clip is None:
            raise ValueError("expected a driver with a clip, got one without; its pictures are not known")
        return read_frames(self.clip, start=self.start, end=self.end)


def open_portrait(path: Path, head: HeadModel, *, face: int | None = None) -> Portrait:
    """Read a picture and fit the head to its face. `face`: from 1, left to right; None: the largest."""
    picture = read_picture(path)
    return fit_portrait(picture.rgb, head, alpha=picture.alpha, face=face)


def open_driver(
    path: Path,
    head: HeadModel,
    units: UnitBasis,
    *,
    start: Fraction | None,
    end: Fraction | None,
    progress: Progress | None,
    fps: Fraction | None = None,
) -> Driver:
    """Track a clip from `start` to `end` (seconds), or take that part of a motion file; `fps` where the file does not say."""
    if is_motion_file(path):
        return Driver(read_motion(path, head, units, fps=fps).trimmed(start, end))
    return Driver(track_clip(path, head, start=start, end=end, progress=progress), path, start, end)


def driven(
    driver: Performance,
    portrait: FlameParams,
    head: HeadModel,
    units: UnitBasis,
    settings: RetargetSettings,
    *,
    pose: Performance | None = None,
) -> FlameParams:
    """What the driver makes of the portrait's coefficients (batch shape ()). `pose` moves the head in its place."""
    if pose is None:
        return perform(driver, portrait, head, units, settings)
    return perform_apart(pose, driver, portrait, head, units, settings)


def watching(renderer: Renderer, driver: Driver) -> Renderer:
    """The renderer for frames of that driver: where it is set to watch the clip, with the clip; any other as it is."""
    motion = driver.performance
    if driver.clip is None or not isinstance(motion, Motion) or motion.camera is None:
        return renderer
    camera, count = motion.camera, motion.frame_count
    if isinstance(renderer, LiaXRenderer | ClipWatcher):
        clip = ClipCode(
            str(driver.clip), torch.arange(count), lambda: renderer.read_clip(driver.frames(), motion.params(), camera)
        )
        if isinstance(renderer, LiaXRenderer):
            return renderer.driven(Drive(torch.zeros(count, renderer.directions), clip=clip))
        return renderer.watching(clip)
    return renderer


def posed_from(renderer: Renderer, portrait: Portrait, values: Mapping[str, float]) -> Renderer:
    """The renderer for one frame that `values` of controls make of the portrait: LIA-X with those of its own directions among
    them, and with the portrait as what its motion departs from; any other as it is."""
    if not isinstance(renderer, LiaXRenderer):
        return renderer
    edits = latent_edits([Layer("", controls=tuple(values.items()))], np.zeros(1), renderer.directions)
    return renderer.driven(Drive(torch.from_numpy(edits).float(), portrait.params))


def reenact(
    portrait: Portrait,
    driver: Performance,
    head: HeadModel,
    units: UnitBasis,
    renderer: Renderer,
    settings: RetargetSettings,
    *,
    pose: Performance | None = None,
    progress: Progress | None = None,
) -> Iterator[Picture]:
    """The portrait moved by the driver, as `driven` says, frame by frame, at the portrait's own size."""
    frames = driven(driver, portrait.params, head, units, settings, pose=pose)
    return renderer.render(renderer.prepare(portrait), frames, progress=progress)
