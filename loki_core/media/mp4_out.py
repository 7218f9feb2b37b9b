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
from jaxtyping import UInt8
from moviepy.audio.AudioClip import AudioClip

from loki_core.files import replacing
from loki_core.media.film import Film
from loki_core.media.sound_out import SoundTrack

__all__ = ["Mp4Writer", "mp4_writer"]

_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_QUALITY = {"crf": "16", "preset": "veryfast"}


class Mp4Writer:
    """Encodes frames as they come, and the sound beside them."""

    def __init__(self, container: OutputContainer, fps: Fraction, size: tuple[int, int], sound: AudioClip | None) -> None:
        height, width = size
        self._padding = ((0, height % 2), (0, width % 2), (0, 0))
        stream = container.add_stream("libx264", rate=fps, options=_QUALITY)
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        self._film = Film(container, stream, fps, None if sound is None else _sound_track(container, sound))

    def write(self, frame: UInt8[np.ndarray, "H W 3"]) -> None:
        # yuv420p knows even sizes only: one more row or column, a copy of the last, shows less than one cut off.
        self._film.write_picture(VideoFrame.from_ndarray(np.pad(frame, self._padding, "edge"), "rgb24"))

    def finish(self) -> None:
        """Flush what the encoders hold."""
        self._film.finish()


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


def _sound_track(container: OutputContainer, sound: AudioClip) -> SoundTrack:
    return SoundTrack(container, sound, "aac", rate=sound.fps if sound.fps in _AAC_RATES else 48000, bits="192k")
