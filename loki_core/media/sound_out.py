"""Writing sound: beside the pictures of a video, pulled from a clip as far as they have come, or alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from moviepy.audio.AudioClip import AudioClip

from loki_core.files import replacing

__all__ = ["SoundTrack", "write_sound"]

_PIECE = 4096
"""Samples encoded at once."""


class SoundTrack:
    """Encodes a clip as a stereo stream of a container. `rate`: samples a second; `bits`: bits a second, as FFmpeg writes it."""

    def __init__(
        self, container: OutputContainer, sound: AudioClip, codec: Literal["aac", "libopus"], *, rate: int, bits: str
    ) -> None:
        self._container, self._sound, self._rate = container, sound, rate
        self._planar = codec == "aac"
        self._stream: AudioStream = container.add_stream(codec, rate=rate, layout="stereo", options={"b": bits})
        self._end = round(sound.duration * rate)
        self._done = 0

    def write_until(self, seconds: Fraction) -> None:
        """Encode up to a time, or to the sound's end if that is earlier."""
        last = min(round(seconds * self._rate), self._end)
        while self._done < last:
            count = min(_PIECE, last - self._done)
            times = np.arange(self._done, self._done + count) / self._rate
            samples = np.broadcast_to(self._sound.get_frame(times).reshape(count, -1), (count, 2))
            piece = self._frame(np.ascontiguousarray(samples, np.float32))
            piece.sample_rate, piece.pts, piece.time_base = self._rate, self._done, Fraction(1, self._rate)
            self._container.mux(self._stream.encode(piece))
            self._done += count

    def finish(self) -> None:
        """Flush what the encoder holds."""
        self._container.mux(self._stream.encode(None))

    def _frame(self, samples: np.ndarray) -> AudioFrame:
        """Each encoder knows one order of samples: channel after channel, or sample after sample."""
        if self._planar:
            return AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", "stereo")
        return AudioFrame.from_ndarray(samples.reshape(1, -1), "flt", "stereo")


def write_sound(path: Path, sound: AudioClip) -> None:
    """Write a clip as Opus in WebM, which browsers play; it appears at `path` when it is whole."""
    with replacing(path) as part, av.open(part.name, "w", format="webm") as container:
        track = SoundTrack(container, sound, "libopus", rate=48_000, bits="128k")
        track.write_until(Fraction(sound.duration))
        track.finish()
