"""A clip's sound on the clock of its pictures, as a moviepy `AudioClip`: to trim, to mix, to hand to a writer."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from jaxtyping import Float, Float32
from moviepy.audio.AudioClip import AudioClip

from loki_core.media.checks import require_file
from loki_core.media.container import open_clip, read_packets, sound_stream
from loki_core.media.video_in import ClipInfo, probe, select_span

__all__ = ["driver_sound"]

_JITTER = Fraction(1, 50)
"""Seconds. Time stamps may be rounded by this much and the sound still runs on; beyond it there is a gap or an overlap."""

_log = logging.getLogger(__name__)


def driver_sound(path: str | os.PathLike[str], *, start: Fraction | None = None, end: Fraction | None = None) -> AudioClip | None:
    """The sound that belongs to the clip's pictures from `start` to `end`, stereo; None if it has none.

    As long as the pictures: silent where the sound begins later, pauses or ends earlier. Read in small pieces as it is used.
    """
    info = probe(path)
    span = select_span(info, start=start, end=end)
    if not info.has_sound:
        return None
    reader = _SampleReader(require_file(path, "a video"), info)
    whole = AudioClip(reader.frame, duration=float(info.duration), fps=reader.rate)
    return whole.subclipped(float(span.start), float(span.end))


class _SampleReader:
    """Samples of a clip's sound by number, counted from the moment its first picture appears.

    Made for reading onwards. Going back starts over from the file's beginning: no container seeks sound to the sample.
    """

    def __init__(self, file: Path, info: ClipInfo) -> None:
        self._file, self._info = file, info
        with open_clip(file) as container:
            stream = sound_stream(container)
            assert stream is not None
            self.rate = stream.codec_context.sample_rate
            """Samples a second."""
        self._rewind()

    def frame(self, t: Float[np.ndarray, "N"] | float) -> Float32[np.ndarray, "*N 2"]:
        """What moviepy asks an `AudioClip` for: the samples at the times `t`, seconds, in [-1, 1]."""
        numbers = np.rint(np.asarray(t) * self.rate).astype(np.int64)
        first = int(numbers.min())
        return self.read(first, int(numbers.max()) + 1)[numbers - first]

    def read(self, first: int, last: int) -> Float32[np.ndarray, "N 2"]:
        """The samples `first` up to and without `last`; silence where there is no sound."""
        if first < self._forgotten:
            self._rewind()
        while self._end < last and (piece := next(self._pieces, None)) is not None:
            self._keep(*piece, first)
        out = np.zeros((last - first, 2), np.float32)
        for start, samples in self._kept:
            low, high = max(first, start), min(last, start + len(samples))
            if low < high:
                out[low - first : high - first] = samples[low - start : high - start]
        return out

    def _rewind(self) -> None:
        self._pieces = self._decode()
        self._kept: deque[tuple[int, Float32[np.ndarray, "N 2"]]] = deque()
        self._forgotten = self._end = -(1 << 62)

    def _keep(self, start: int, samples: Float32[np.ndarray, "N 2"], wanted: int) -> None:
        """Append a piece at its place, without what overlaps the one before, and forget what lies before `wanted`."""
        if self._kept and abs(start - self._end) <= _JITTER * self.rate:
            start = self._end
        samples = samples[max(0, self._end - start) :]
        start = max(start, self._end)
        while self._kept and self._kept[0][0] + len(self._kept[0][1]) <= wanted:
            past, gone = self._kept.popleft()
            self._forgotten = past + len(gone)
        self._kept.append((start, samples))
        self._end = start + len(samples)

    def _decode(self) -> Generator[tuple[int, Float32[np.ndarray, "N 2"]], None, None]:
        """Number of the first sample, by its time stamp, and the samples."""
        to_stereo = AudioResampler(format="flt", layout="stereo", rate=self.rate)
        name, damaged = self._file.name, 0
        with open_clip(self._file) as container:
            stream = sound_stream(container)
            assert stream is not None
            for packet in read_packets(container, stream, name):
                try:
                    frames = [out for frame in stream.decode(packet) for out in to_stereo.resample(frame)]
                except (av.error.FFmpegError, ValueError):
                    damaged += 1
                    continue
                for frame in frames:
                    if frame.pts is not None and frame.time_base is not None:
                        start = round((frame.pts * frame.time_base - self._info.origin) * self.rate)
                        yield start, frame.to_ndarray().reshape(-1, 2)
        if damaged:
            _log.warning("%s: %d damaged pieces of sound were left out; they are silent", name, damaged)
