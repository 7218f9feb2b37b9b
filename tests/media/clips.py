"""Small clips for the tests, whose frames carry a number and whose flash and beep coincide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

__all__ = ["Beep", "beep_time", "numbered", "numbers", "quadrants", "write_clip"]

_BITS = 8


def numbered(number: int, height: int = 64, width: int = 96) -> np.ndarray:
    """A picture that shows a number from 0 to 255 as black and white bars."""
    bits = [(number >> bit) & 1 for bit in range(_BITS)]
    row = np.array(bits, np.uint8)[np.arange(width) * _BITS // width] * 255
    return np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def numbers(frames: Iterable[np.ndarray]) -> list[int]:
    """What `numbered` pictures show, also after compression."""
    shown = []
    for frame in frames:
        height, width, _ = frame.shape
        columns = ((np.arange(_BITS) + 0.5) * width / _BITS).astype(int)
        shown.append(sum(int(frame[height // 2, x].mean() > 127) << bit for bit, x in enumerate(columns)))
    return shown


def quadrants(height: int = 64, width: int = 96) -> np.ndarray:
    """Red and green above, blue and white below: no turn or mirror image looks the same."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (220, 30, 30)
    picture[: height // 2, width // 2 :] = (30, 200, 30)
    picture[height // 2 :, : width // 2] = (40, 40, 220)
    picture[height // 2 :, width // 2 :] = (235, 235, 235)
    return picture


@dataclass(frozen=True)
class Beep:
    """Sound that is silent but for one tenth of a second."""

    at: float
    """Seconds from the sound's own first sample."""
    length: float
    codec: str = "aac"
    rate: int = 44100
    delay: Fraction = Fraction(0)
    """When the sound's first sample is heard, on the file's clock."""

    def samples(self) -> np.ndarray:
        t = np.arange(round(self.length * self.rate)) / self.rate
        tone = 0.8 * np.sin(2 * np.pi * 1000 * t) * ((t >= self.at) & (t < self.at + 0.1))
        return np.stack([tone, tone]).astype(np.float32)


def beep_time(samples: np.ndarray, rate: int) -> float:
    """Seconds until the first loud sample of an array (N, C)."""
    return int(np.argmax(np.abs(samples).max(axis=1) > 0.25)) / rate


def write_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    fps: Fraction = Fraction(25),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    ticks: Sequence[int] | None = None,
    tick: Fraction = Fraction(1, 1000),
    delay: Fraction = Fraction(0),
    rotation: int | None = None,
    aspect: Fraction | None = None,
    beep: Beep | None = None,
    key_every: int = 12,
) -> Path:
    """Encode RGB or RGBA frames; `ticks` gives each its time, else they follow at `fps`. `delay` moves the pictures."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps, options={"g": str(key_every), "sc_threshold": "0"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if rotation is not None:
            stream.set_display_rotation(rotation)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        unit = 1 / fps if ticks is None and not delay else tick
        stream.codec_context.time_base = unit
        sound: Any = None if beep is None else container.add_stream(beep.codec, rate=beep.rate, layout="stereo")
        for k, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24" if pixels.shape[2] == 3 else "rgba")
            shown = (k / fps if ticks is None else ticks[k] * tick) + delay
            frame.pts, frame.time_base = round(shown / unit), unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if beep is not None:
            heard = av.AudioFrame.from_ndarray(beep.samples(), "fltp", "stereo")
            heard.sample_rate, heard.time_base = beep.rate, Fraction(1, beep.rate)
            heard.pts = round(beep.delay * beep.rate)
            resampler = av.AudioResampler(sound.codec_context.format, "stereo", beep.rate, frame_size=1024)
            for piece in [*resampler.resample(heard), *resampler.resample(None)]:
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))
    return path
