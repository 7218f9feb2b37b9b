"""How fast a clip is tracked, beside MediaPipe alone."""

from __future__ import annotations

import tempfile
import time
from fractions import Fraction
from pathlib import Path

from benchmarks.example import example
from benchmarks.measure import Measurement
from loki_core.head.embedded import embedded_head
from loki_core.media.video_in import read_frames
from loki_core.media.video_out import open_writer
from loki_core.render.warp.renderer import WarpRenderer
from loki_core.track.clip import track_clip
from loki_core.track.landmarks import FaceFinder, FaceFollower

__all__ = ["run"]

_FRAMES = 150


def run() -> list[Measurement]:
    """Tracks a clip of the example, 512x512."""
    portrait, motion = example(_FRAMES)
    renderer = WarpRenderer(embedded_head())
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "example.mp4"
        with open_writer(clip, Fraction(30), (portrait.image.shape[0], portrait.image.shape[1])) as writer:
            for picture in renderer.render(renderer.prepare(portrait), motion):
                writer.write(picture)
        start = time.perf_counter()
        count = track_clip(clip, embedded_head()).frame_count
        whole = time.perf_counter() - start
        alone = _mediapipe_alone(clip)
    return [
        Measurement("tracking a clip at 512x512", count / whole, "fps", ">= 25", alone / whole, "MediaPipe alone"),
        Measurement("MediaPipe alone", count / alone, "fps"),
    ]


def _mediapipe_alone(clip: Path) -> float:
    """Seconds of reading the clip and finding its landmarks."""
    frames = read_frames(clip)
    start = time.perf_counter()
    with FaceFinder() as finder, FaceFollower() as follower:
        follower.start(finder.find(next(frames))[0])
        for frame in frames:
            follower.follow(frame)
    return time.perf_counter() - start
