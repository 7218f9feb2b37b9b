"""One door to every kind of video that can be written: mp4, gif, webm, numbered PNG pictures."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from moviepy.audio.AudioClip import AudioClip

from loki_core.errors import InputError
from loki_core.media.gif_out import gif_writer
from loki_core.media.mp4_out import mp4_writer
from loki_core.media.picture import flatten
from loki_core.media.png_out import png_folder_writer, png_pattern_writer
from loki_core.media.webm_out import webm_writer

__all__ = ["VideoWriter", "open_writer"]

_log = logging.getLogger(__name__)


@runtime_checkable
class _Sink(Protocol):
    def write(self, frame: UInt8[np.ndarray, "H W C"]) -> None: ...


class VideoWriter:
    """Takes frames in order."""

    def __init__(self, sink: _Sink, size: tuple[int, int], *, keeps_alpha: bool) -> None:
        self._sink, self._size, self._keeps_alpha = sink, size, keeps_alpha
        self.frame_count = 0
        """Frames taken so far."""

    def write(self, frame: UInt8[np.ndarray, "H W C"]) -> None:
        """Take the next frame, RGB or RGBA; alpha is laid over white where the file knows none."""
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[:2] != self._size or frame.shape[2] not in (3, 4):
            height, width = self._size
            raise ValueError(
                f"expected uint8 frames of shape ({height}, {width}, 3 or 4), got {frame.dtype} {frame.shape}; "
                "open the writer with the frames' size"
            )
        if frame.shape[2] == 4 and not self._keeps_alpha:
            frame = flatten(frame[..., :3], frame[..., 3])
        self._sink.write(np.ascontiguousarray(frame))
        self.frame_count += 1


@contextmanager
def open_writer(
    path: str | os.PathLike[str],
    fps: Fraction,
    size: tuple[int, int],
    *,
    sound: AudioClip | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Iterator[VideoWriter]:
    """Write frames of `size` (height, width) at exactly `fps` to what the name of `path` asks for.

    - `x.mp4`: H.264 yuv420p, sound as AAC, cut where the pictures end; odd sizes gain one row or column, a copy of the last.
      `metadata` is stored in the container (`video_in.read_metadata` gives it back).
    - `x.gif`: no sound; above 50 frames a second frames are left out.
    - `x.webm`: VP9, sound as Opus, cut as above; keeps alpha when the frames have it (the first one decides). WebM counts in
      milliseconds: `probe` finds the exact rate again. `metadata` comes back with its keys in capitals.
    - a new or empty folder, or `x_%04d.png`: numbered pictures from 0, sound as WAV beside them.

    All of it appears when the block ends well; if it raises, nothing is left and an older file stays as it was.
    """
    file = Path(path).absolute()
    if not file.parent.is_dir():
        raise InputError(f"expected an existing folder for {file.name}, got {file.parent.name}, which is none; make it first")
    if fps <= 0 or min(size) < 2:
        raise ValueError(f"expected a rate above 0 and at least 2 pixels a side, got {fps} and {size}")
    with _open_sink(file, fps, size, sound, metadata or {}) as sink:
        writer = VideoWriter(sink, size, keeps_alpha=file.suffix.lower() not in (".mp4", ".gif"))
        yield writer
        if writer.frame_count == 0:
            raise ValueError(f"expected at least one frame for {file.name}, got none")


def _open_sink(
    file: Path, fps: Fraction, size: tuple[int, int], sound: AudioClip | None, metadata: Mapping[str, str]
) -> AbstractContextManager[_Sink]:
    suffix = file.suffix.lower()
    if not suffix or file.is_dir():
        return png_folder_writer(file, sound=sound)
    if suffix == ".mp4":
        return mp4_writer(file, fps, size, sound=sound, metadata=metadata)
    if suffix == ".gif":
        if sound is not None:
            _log.warning("%s: a gif has no sound; write an mp4 to keep it", file.name)
        return gif_writer(file, fps, size)
    if suffix == ".webm":
        return webm_writer(file, fps, size, sound=sound, metadata=metadata)
    if suffix == ".png":
        return png_pattern_writer(file, sound=sound)
    raise InputError(f"expected .mp4, .gif, .webm, a name such as frame_%04d.png or a folder, got {file.name}; change its ending")
