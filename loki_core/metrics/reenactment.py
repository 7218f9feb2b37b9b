"""Self-reenactment: a clip rendered from its own first frame, so that the truth is known."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from loki_core.head.model import HeadModel
from loki_core.head.units import UnitBasis
from loki_core.media.video_in import probe, read_frames
from loki_core.media.video_out import open_writer
from loki_core.motion.retarget import RetargetSettings
from loki_core.render.base import Progress
from loki_core.render.reenact import reenact
from loki_core.render.registry import make_renderer
from loki_core.track.clip import track_clip
from loki_core.track.portrait import fit_portrait

__all__ = ["reenact_itself"]


def reenact_itself(
    clip: Path,
    out: Path,
    head: HeadModel,
    units: UnitBasis,
    renderer: str,
    *,
    frames: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Fit the clip's first frame, track the clip, render the first frame along it (relative to itself) into `out`; returns `out`.

    `frames`: only that many; None: all. Raises `InputError` when the first frame shows no face.
    """
    info = probe(clip)
    end = None if frames is None else min(info.duration, frames / info.fps)
    portrait = fit_portrait(next(read_frames(clip)), head)
    motion = track_clip(clip, head, end=end)
    settings = RetargetSettings(neutral=0)
    pictures = reenact(portrait, motion, head, units, make_renderer(renderer, head), settings, progress=progress)
    first = next(pictures)
    with open_writer(out, motion.fps, (first.shape[0], first.shape[1])) as writer:
        for picture in chain([first], pictures):
            writer.write(picture)
    return out
