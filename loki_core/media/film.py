"""What every video file needs: pictures at an exact rate in BT.709, and the sound beside them."""

from __future__ import annotations

from fractions import Fraction

from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from loki_core.media.sound_out import SoundTrack

__all__ = ["Film"]

_BT709 = 1


class Film:
    """Encodes pictures as they come, and the sound as far as they have come."""

    def __init__(self, container: OutputContainer, stream: VideoStream, fps: Fraction, sound: SoundTrack | None) -> None:
        """`stream` and `sound` belong to `container`; the stream's size and `pix_fmt` are given before the first picture."""
        self._container, self._stream, self._fps, self._sound = container, stream, fps, sound
        self._reformatter = VideoReformatter()
        self._count = 0
        context = stream.codec_context
        context.time_base = 1 / fps
        context.colorspace, context.color_range = _BT709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709

    def write_picture(self, picture: VideoFrame) -> None:
        """Encode the next picture, sRGB of the stream's size, and the sound up to its end."""
        shown = self._reformatter.reformat(
            picture,
            format=self._stream.pix_fmt,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        shown.pts, shown.time_base = self._count, 1 / self._fps
        self._container.mux(self._stream.encode(shown))
        self._count += 1
        if self._sound is not None:
            self._sound.write_until(self._count / self._fps)

    def finish(self) -> None:
        """Flush what the encoders hold."""
        self._container.mux(self._stream.encode(None))
        if self._sound is not None:
            self._sound.finish()
