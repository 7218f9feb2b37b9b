"""H.264 and AAC in mp4, as browsers play it, with the exact rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8
from moviepy.audio.AudioClip import AudioClip

from loki_core.files import replacing
from loki_core.media.sound_out import SoundTrack

__all__ = ["Mp4Writer", "mp4_writer"]

_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_BT709 = 1


class Mp4Writer:
    """Encodes frames as they come, and the sound beside them."""

    def __init__(self, container: OutputContainer, fps: Fraction, size: tuple[int, int], sound: AudioClip | None) -> None:
        height, width = size
        self._container, self._fps = container, fps
        self._padding = ((0, height % 2), (0, width % 2), (0, 0))
        self._video = _add_video(container, fps, width + width % 2, height + height % 2)
        self._sound = None if sound is None else _sound_track(container, sound)
        self._reformatter = VideoReformatter()
        self._count = 0

    def write(self, frame: UInt8[np.ndarray, "H W 3"]) -> None:
        # yuv420p knows even sizes only: one more row or column, a copy of the last, shows less than one cut off.
        padded = np.pad(frame, self._padding, "edge")
        picture = self._reformatter.reformat(
            VideoFrame.from_ndarray(padded, "rgb24"),
            format="yuv420p",
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
def mp4_writer(
    path: Path, fps: Fraction, size: tuple[int, int], *, sound: AudioClip | None, metadata: Mapping[str, str]
) -> Iterator[Mp4Writer]:
    """Open a writer of an mp4 that appears at `path`, playable while it downloads, when the block ends well."""
    with replacing(path) as part:
        # Without use_metadata_tags only a fixed set of keys would be kept.
        options = {"movflags": "+faststart+use_metadata_tags"}
        with av.open(part.name, "w", format="mp4", options=options) as container:
            container.metadata.update(metadata)
            writer = Mp4Writer(container, fps, size, sound)
            yield writer
            writer.finish()


def _add_video(container: OutputContainer, fps: Fraction, width: int, height: int) -> VideoStream:
    stream = container.add_stream("libx264", rate=fps, options={"crf": "16", "preset": "veryfast"})
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / fps
    context.colorspace, context.color_range = _BT709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _sound_track(container: OutputContainer, sound: AudioClip) -> SoundTrack:
    return SoundTrack(container, sound, "aac", rate=sound.fps if sound.fps in _AAC_RATES else 48000, bits="192k")
