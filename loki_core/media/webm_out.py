"""VP9 and Opus in WebM: the one video that browsers play with transparency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8
from moviepy.audio.AudioClip import AudioClip

from loki_core.files import replacing
from loki_core.media.film import Film
from loki_core.media.sound_out import SoundTrack

__all__ = ["WebmWriter", "webm_writer"]

_SOUND_RATE = 48000
_QUALITY = {"crf": "18", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"}
_BLEED = 33
"""Pixels of the side of the square that colours are taken from where nothing is shown."""


class WebmWriter:
    """Encodes frames as they come, and the sound beside them. The first frame decides whether the video has alpha."""

    def __init__(self, container: OutputContainer, fps: Fraction, size: tuple[int, int], sound: AudioClip | None) -> None:
        self._stream = container.add_stream("libvpx-vp9", rate=fps, options=_QUALITY)
        self._stream.height, self._stream.width = size
        track = None if sound is None else SoundTrack(container, sound, "libopus", rate=_SOUND_RATE, bits="160k")
        self._film = Film(container, self._stream, fps, track)
        self._kind = ""

    def write(self, frame: UInt8[np.ndarray, "H W C"]) -> None:
        """Take the next frame, RGB or RGBA. Raises `ValueError` when its kind is not the first one's."""
        kind = "rgba" if frame.shape[2] == 4 else "rgb24"
        if not self._kind:
            self._kind = kind
            _choose_format(self._stream, alpha=kind == "rgba")
        if kind != self._kind:
            raise ValueError(f"expected {self._kind} as in the first frame, got {kind}; give all frames alpha, or none")
        self._film.write_picture(VideoFrame.from_ndarray(_spread_colours(frame) if kind == "rgba" else frame, kind))

    def finish(self) -> None:
        """Flush what the encoders hold."""
        self._film.finish()


@contextmanager
def webm_writer(
    path: Path, fps: Fraction, size: tuple[int, int], *, sound: AudioClip | None, metadata: Mapping[str, str]
) -> Iterator[WebmWriter]:
    """Open a writer of a WebM that appears at `path` when the block ends well.

    `metadata` is stored; WebM turns its keys into capitals.
    """
    with replacing(path) as part, av.open(part.name, "w", format="webm") as container:
        container.metadata.update(metadata)
        writer = WebmWriter(container, fps, size, sound)
        yield writer
        writer.finish()


def _spread_colours(frame: UInt8[np.ndarray, "H W 4"]) -> UInt8[np.ndarray, "H W 4"]:
    """Give pixels of alpha 0 the colours around them.

    Two pixels share their hue, and blocks share their errors: hidden black would show as a dark rim.
    """
    cover = frame[..., 3:].astype(np.float32)
    around = cv2.blur(np.dstack([frame[..., :3] * cover, cover]), (_BLEED, _BLEED))
    colours = around[..., :3] / np.maximum(around[..., 3:], 1e-3)
    spread = frame.copy()
    spread[..., :3] = np.where(cover > 0, frame[..., :3], np.clip(np.round(colours), 0, 255))
    return spread


def _choose_format(stream: VideoStream, *, alpha: bool) -> None:
    stream.pix_fmt = "yuva420p" if alpha else "yuv420p"
    if alpha:
        stream.metadata["alpha_mode"] = "1"
