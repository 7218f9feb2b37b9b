"""Animated GIF: one palette for the whole clip, delays that keep the exact rate on average."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.container import OutputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame
from jaxtyping import UInt8

from loki_core.files import replacing

__all__ = ["GifWriter", "gif_writer"]

_TICK = Fraction(1, 100)
"""GIF counts time in hundredths of a second."""
_SHORTEST = 2
"""Ticks; browsers slow down frames that are shown for less."""


class GifWriter:
    """Keeps the frames on disk, losslessly, and gathers their colours; `finish` draws them with the best palette."""

    def __init__(self, scratch: Path, fps: Fraction, size: tuple[int, int]) -> None:
        self._scratch, self._fps, self._size = scratch, fps, size
        self._container: OutputContainer = av.open(str(scratch), "w", format="matroska")
        self._stream = self._container.add_stream("ffv1", rate=100)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "bgr0"
        self._stream.codec_context.time_base = _TICK
        self._colours = _Colours(size)
        self._count = 0
        self._last = -_SHORTEST

    def write(self, frame: UInt8[np.ndarray, "H W 3"]) -> None:
        """Take a frame, unless the one before must still be shown (rates above 50)."""
        shown = round(self._count / self._fps / _TICK)
        self._count += 1
        if shown - self._last < _SHORTEST:
            return
        self._last = shown
        self._colours.add(frame)
        picture = VideoFrame.from_ndarray(frame, "rgb24").reformat(format="bgr0", threads=1)
        picture.pts, picture.time_base = shown, _TICK
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        self._container.close()

    def finish(self, target: Path) -> None:
        """Write the GIF."""
        self._container.mux(self._stream.encode(None))
        self.close()
        last_delay = max(round(self._count / self._fps / _TICK) - self._last, _SHORTEST)
        _draw(self._scratch, target, self._colours.palette(), self._size, last_delay)


@contextmanager
def gif_writer(path: Path, fps: Fraction, size: tuple[int, int]) -> Iterator[GifWriter]:
    """Open a writer of an endlessly repeating GIF that appears at `path` when the block ends well."""
    with replacing(path) as part, TemporaryDirectory() as folder:
        with closing(GifWriter(Path(folder) / "frames.mkv", fps, size)) as writer:
            yield writer
            writer.finish(Path(part.name))


class _Colours:
    """Finds the 256 colours that serve all frames best (ffmpeg's palettegen: median cut over the clip's histogram)."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._graph = Graph()
        self._source = _source(self._graph, size)
        self._sink = self._graph.add("buffersink")
        self._graph.link_nodes(self._source, self._graph.add("palettegen", "reserve_transparent=0"), self._sink)
        self._graph.configure()

    def add(self, frame: UInt8[np.ndarray, "H W 3"]) -> None:
        self._source.push(VideoFrame.from_ndarray(frame, "rgb24").reformat(format="bgr0", threads=1))

    def palette(self) -> VideoFrame:
        self._source.push(None)
        palette = self._sink.pull()
        assert isinstance(palette, VideoFrame)
        return palette


def _source(graph: Graph, size: tuple[int, int]) -> FilterContext:
    height, width = size
    return graph.add_buffer(width=width, height=height, format=av.VideoFormat("bgr0"), time_base=_TICK)


def _draw(scratch: Path, target: Path, palette: VideoFrame, size: tuple[int, int], last_delay: int) -> None:
    """Reduce the kept frames to the palette and write them; `last_delay` ticks belong to the last one."""
    reducer = _Reducer(size, palette)
    options = {"loop": "0", "final_delay": str(last_delay)}
    with av.open(str(scratch)) as source, av.open(str(target), "w", format="gif", options=options) as container:
        stream = container.add_stream("gif", rate=100)
        stream.height, stream.width = size
        stream.pix_fmt = "pal8"
        stream.codec_context.time_base = _TICK
        for frame in source.decode(video=0):
            container.mux(stream.encode(reducer.reduce(frame)))
        container.mux(stream.encode(None))


class _Reducer:
    """Draws frames with a palette, dithered."""

    def __init__(self, size: tuple[int, int], palette: VideoFrame) -> None:
        graph = Graph()
        colours = graph.add_buffer(width=palette.width, height=palette.height, format=palette.format, time_base=_TICK)
        self._source, self._sink = _source(graph, size), graph.add("buffersink")
        # An ordered pattern stays where it is, so that still surroundings do not crawl as with error diffusion.
        reduce = graph.add("paletteuse", "dither=bayer:bayer_scale=5:diff_mode=rectangle")
        self._source.link_to(reduce, 0, 0)
        colours.link_to(reduce, 0, 1)
        reduce.link_to(self._sink)
        graph.configure()
        palette.pts, palette.time_base = 0, _TICK
        colours.push(palette)
        colours.push(None)
        self._graph = graph

    def reduce(self, frame: VideoFrame) -> VideoFrame:
        assert frame.pts is not None and frame.time_base is not None
        frame.pts, frame.time_base = round(frame.pts * frame.time_base / _TICK), _TICK
        self._source.push(frame)
        reduced = self._sink.pull()
        assert isinstance(reduced, VideoFrame)
        return reduced
