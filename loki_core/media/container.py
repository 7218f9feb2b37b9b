"""Opening clips: only known containers, only local files, and every refusal in words."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from loki_core.errors import InputError

__all__ = ["decode_frames", "open_clip", "read_packets", "sound_stream", "video_stream"]

_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,apng,mpegts,mpeg,flv,asf,ogg"
"""Playlists and scripts (hls, concat, dash...) are left out: such a file may name other files or addresses."""

_log = logging.getLogger(__name__)


@contextmanager
def open_clip(file: Path) -> Iterator[InputContainer]:
    """Open an absolute path for reading, or raise `InputError`."""
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        # Metadata in an old encoding is no reason to refuse the pictures.
        container = av.open(str(file), "r", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(
            f"expected a video (mp4, mov, webm, mkv, avi, gif), got {file.name}, which is none of them or is cut short; "
            "convert it to mp4 or export it again"
        ) from error
    with container:
        yield container


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The first moving picture of the file; cover art does not count."""
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        held = "sound only" if container.streams.audio else "no pictures, or is cut short"
        raise InputError(f"expected a video, got {name}, which holds {held}; give a whole clip that shows a face")
    stream = moving[0]
    if stream.codec_context is None:
        raise InputError(f"expected a video, got {name} in a compression that is not known here; convert it to H.264 mp4")
    stream.thread_type = "AUTO"
    return stream


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The first sound that can be decoded, None without one."""
    return next((s for s in container.streams.audio if s.codec_context is not None and s.codec_context.sample_rate), None)


def read_packets(container: InputContainer, stream: VideoStream | AudioStream, name: str) -> Iterator[Packet]:
    """The stream's packets in file order, then one empty packet that flushes the decoder.

    Where the file breaks off, what came before is all there is; a warning says so.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, OSError, IndexError) as error:  # IndexError: a stream that was not there at first
            _log.warning("%s breaks off: %s; what could be read is used", name, error)
            packet = Packet()
            packet.stream = stream
            packets = iter(())
        if packet is None:
            return
        yield packet


def decode_frames(container: InputContainer, stream: VideoStream, name: str) -> Generator[VideoFrame, None, None]:
    """Decode whole frames in the order they are shown; damaged ones are left out and counted in one warning."""
    damaged = 0
    # AVI numbers frames as they are stored. Shown in another order, each takes the earliest number not yet taken.
    numbers: list[int] | None = [] if container.format.name == "avi" else None
    for packet in read_packets(container, stream, name):
        if numbers is not None and packet.pts is not None:
            heappush(numbers, packet.pts)
        try:
            frames = stream.decode(packet)
        except av.error.FFmpegError:
            damaged += 1
            if numbers:
                heappop(numbers)
            continue
        for frame in frames:
            if numbers:
                frame.pts = heappop(numbers)
            if frame.is_corrupt or frame.pts is None:
                damaged += 1
            else:
                yield frame
    if damaged:
        _log.warning("%s: %d damaged frames were left out; the frames before them are held", name, damaged)
