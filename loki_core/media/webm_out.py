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
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8
from moviepy.audio.AudioClip import AudioClip

from loki_core.files import replacing
from loki_core.media.sound_out import SoundTrack

__all__ = ["WebmWriter", "webm_writer"]

_SOUND_RATE = 48000
_BT709 = 1
_QUALITY = {"crf": "18", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"}
_BLEED = 33
"""Pixels of the side of the square that colours are taken from where nothing is shown."""


class WebmWriter:
    """Encodes frames as they come, and the sound beside them. The first frame decides whether the video has alpha."""

    def __init__(self, container: OutputContainer, fps: Fraction, size: tuple[int, int], sound: AudioClip | None) -> None:
        self._container, self._fps = container, fps
        self._video = container.add_stream("libvpx-vp9", rate=fps, options=_QUALITY)
        self._video.height, self._video.width = size
        self._sound = None if sound is None else SoundTrack(container, sound, "libopus", rate=_SOUND_RATE, bits="160k")
        self._reformatter = VideoReformatter()
        self._kind = ""
        self._count = 0

    def write(self, frame: UInt8[np.ndarray, "H W C"]) -> None:
        """Take the next frame, RGB or RGBA. Raises `ValueError` when its kind is not the first one's."""
        kind = "rgba" if frame.shape[2] == 4 else "rgb24"
        if not self._kind:
            self._kind = kind
            _describe(self._video, self._fps, alpha=kind == "rgba")
        if kind != self._kind:
            raise ValueError(f"expected {self._kind} as in the first frame, got {kind}; give all frames alpha, or none")
        picture = self._reformatter.reformat(
            VideoFrame.from_ndarray(_spread_colours(frame) if kind == "rgba" else frame, kind),
            format=self._video.pix_fmt,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        picture.pts, picture.time_base = self._count, 1 / self._fps
        self._container.mux(self._video.encode(picture))
        self._count += 1
        if self._sound is not None:
            self._sound.write_until(self._count / self._fps)

    def finish(self) -> None:
        """Flush what the encoders hold."""
        self._container.mux(self._video.encode(None))
        if self._sound is not None:
            self._sound.finish()


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


def _describe(stream: VideoStream, fps: Fraction, *, alpha: bool) -> None:
    stream.pix_fmt = "yuva420p" if alpha else "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / fps
    context.colorspace, context.color_range = _BT709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    if alpha:
        stream.metadata["alpha_mode"] = "1"
