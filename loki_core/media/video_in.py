"""Clips in: what a file holds, and its frames, upright, at a constant rate, one at a time."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import dropwhile
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8

from loki_core.errors import InputError
from loki_core.media.checks import require_file
from loki_core.media.container import decode_frames, open_clip, read_packets, sound_stream, video_stream
from loki_core.media.picture import flatten, is_still, read_picture
from loki_core.media.timing import Timing, count_steps, hold, measure_timing, sample_times
from loki_core.media.upright import display_matrix, square_size, upright_rgb

__all__ = ["ClipInfo", "Span", "probe", "read_frames", "read_metadata", "select_span"]

_MIN_SIDE, _MAX_SIDE = 16, 8192
_MAX_FPS = 240
_MAX_HOURS = 3
_STILL_FPS = Fraction(25)

_TimedFrame = tuple[Fraction, Fraction, VideoFrame]
"""When a frame is shown, how long at least (seconds), and the frame."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClipInfo:
    """What a clip is once it is read: upright, pixels square, rate constant."""

    fps: Fraction
    """Exact; the nominal rate of a clip with a variable rate, which is resampled to it."""
    frame_count: int
    """Frames that the whole clip gives at `fps`; fewer come if its end turns out to be damaged."""
    duration: Fraction
    """Seconds, from the first frame's appearance to the last one's end."""
    width: int
    height: int
    has_sound: bool
    variable_rate: bool
    origin: Fraction
    """When the first frame is shown, seconds on the file's own clock. Times elsewhere count from there."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width


@dataclass(frozen=True)
class Span:
    """A part of a clip, and how many frames it has at a rate."""

    start: Fraction
    end: Fraction
    """Seconds from the clip's first frame."""
    fps: Fraction
    frame_count: int


def probe(path: str | os.PathLike[str]) -> ClipInfo:
    """Read all time stamps and the first whole frame. A still picture is a clip of one frame.

    Raises `InputError` for what is no clip, and for one that is too small, too large, too long or too fast.
    """
    file = require_file(path, "a video")
    if is_still(file):
        height, width = read_picture(file).rgb.shape[:2]
        return ClipInfo(_STILL_FPS, 1, 1 / _STILL_FPS, width, height, False, False, Fraction(0))
    timing = _read_timing(file)
    with open_clip(file) as container:
        stream = video_stream(container, file.name)
        size = _checked_size(stream, file.name)
        with closing(decode_frames(container, stream, file.name)) as frames:
            first = next(frames, None)
        if first is None:
            raise InputError(f"expected a video, got {file.name}, of which no frame can be read; export it again")
        width, height = size if display_matrix(first)[0, 0] else size[::-1]
        has_sound = sound_stream(container) is not None
    count = count_steps(timing.duration, timing.fps)
    return ClipInfo(timing.fps, count, timing.duration, width, height, has_sound, timing.variable, timing.origin)


def select_span(
    info: ClipInfo, *, start: Fraction | None = None, end: Fraction | None = None, fps: Fraction | None = None
) -> Span:
    """The part from `start` to `end` (seconds from the first frame; None = the clip's own ends) at `fps` (None = its own)."""
    first, last, rate = start or Fraction(0), info.duration if end is None else end, info.fps if fps is None else fps
    if rate <= 0:
        raise InputError(f"expected a rate above 0 frames a second, got {float(rate):g}; leave it out to keep the clip's own")
    if not 0 <= first < info.duration:
        raise InputError(
            f"expected a start from 0 to less than {float(info.duration):.2f} s, got {float(first):g} s; the clip is no longer"
        )
    # Durations are told to people in hundredths: half a frame more than there is must not be an error.
    if not first < last <= info.duration + max(1 / info.fps, Fraction(1, 100)):
        raise InputError(
            f"expected an end after {float(first):g} s and up to {float(info.duration):.2f} s, got {float(last):g} s; "
            "leave it out to go to the clip's end"
        )
    last = min(last, info.duration)
    return Span(first, last, rate, count_steps(last - first, rate))


def read_frames(
    path: str | os.PathLike[str],
    *,
    start: Fraction | None = None,
    end: Fraction | None = None,
    fps: Fraction | None = None,
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Stream the clip's frames, upright sRGB, all of one size, at a constant rate; arguments as for `select_span`.

    Frames repeat or drop out by presentation time where the file's own rate differs. Everything is checked before this
    returns. A clip whose end is damaged gives the frames before and logs a warning.
    """
    file = require_file(path, "a video")
    info = probe(file)
    span = select_span(info, start=start, end=end, fps=fps)
    if is_still(file):
        picture = read_picture(file)
        return iter([flatten(picture.rgb, picture.alpha)] * span.frame_count)
    return _stream(file, info, span)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The text that a clip's container carries, such as what a writer put there."""
    with open_clip(require_file(path, "a video")) as container:
        return dict(container.metadata)


def _read_timing(file: Path) -> Timing:
    with open_clip(file) as container:
        stream = video_stream(container, file.name)
        rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
        hints = [rate for rate in rates if rate and rate <= _MAX_FPS]  # recorders in browsers state their clock's 1000
        tick = stream.time_base
        shown = (p for p in read_packets(container, stream, file.name) if p.pts is not None and not p.is_discard)
        stamps = np.fromiter(((p.pts, p.duration or 0) for p in shown), np.dtype((np.int64, 2)))
    if not len(stamps) or not tick:
        raise InputError(f"expected a video, got {file.name}, which holds no frames; export it again")
    ticks, order = np.unique(stamps[:, 0], return_index=True)
    hours = float((int(ticks[-1]) - int(ticks[0])) * tick / 3600)
    if hours > _MAX_HOURS:
        raise InputError(f"expected a clip of at most {_MAX_HOURS} hours, got {file.name} with {hours:.1f}; cut it first")
    timing = measure_timing(ticks, int(stamps[order[-1], 1]), tick, hints)
    if timing.fps > _MAX_FPS:
        raise InputError(
            f"expected at most {_MAX_FPS} frames a second, got {file.name} with {float(timing.fps):g}; convert it to 60 or fewer"
        )
    return timing


def _checked_size(stream: VideoStream, name: str) -> tuple[int, int]:
    """Width and height with square pixels, before rotation."""
    width, height = square_size(stream.codec_context.width, stream.codec_context.height, stream.sample_aspect_ratio)
    if not _MIN_SIDE <= min(width, height) <= max(width, height) <= _MAX_SIDE:
        raise InputError(
            f"expected a clip of {_MIN_SIDE} to {_MAX_SIDE} pixels a side, got {name} with {width} x {height}; scale it first"
        )
    return width, height


def _stream(file: Path, info: ClipInfo, span: Span) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    given, reformatter = 0, VideoReformatter()
    shown: tuple[VideoFrame, UInt8[np.ndarray, "H W 3"]] | None = None
    with closing(_timed_frames(file, info, next(sample_times(span.start, span.fps, 1)))) as frames:
        for frame in hold(frames, sample_times(span.start, span.fps, span.frame_count)):
            if shown is None or shown[0] is not frame:
                shown = frame, upright_rgb(frame, info.width, info.height, reformatter)
            given += 1
            yield shown[1]
    if given < span.frame_count:
        _log.warning("%s: %d of %d frames could be read; its end is damaged", file.name, given, span.frame_count)


def _timed_frames(file: Path, info: ClipInfo, first: Fraction) -> Generator[_TimedFrame, None, None]:
    """Decode from a frame that is on screen at or before the moment `first`, as near to it as the file allows."""
    if first > 1:
        with closing(_decode_from(file, info, first)) as frames:
            head = next(frames, None)
            if head is not None and head[0] <= first:
                yield head
                yield from frames
                return
    # The container cannot seek, or landed too late.
    yield from _decode_from(file, info, None)


def _decode_from(file: Path, info: ClipInfo, moment: Fraction | None) -> Generator[_TimedFrame, None, None]:
    with open_clip(file) as container:
        stream = video_stream(container, file.name)
        frames: Iterator[VideoFrame] = decode_frames(container, stream, file.name)
        tick = stream.time_base
        assert tick is not None  # `probe` has seen to it
        if moment is not None:
            try:
                container.seek(int((moment + info.origin) / tick), stream=stream)
            except av.error.FFmpegError:
                return
            # Frames before the first key frame may refer to pictures that were skipped.
            frames = dropwhile(lambda frame: not frame.key_frame, frames)
        for frame in frames:
            assert frame.pts is not None  # `decode_frames` gives no others
            yield frame.pts * tick - info.origin, max(frame.duration * tick, 1 / info.fps), frame
