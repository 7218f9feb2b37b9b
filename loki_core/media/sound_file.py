"""Sound files, and the sound of clips, read whole: for speech, which is short."""

from __future__ import annotations

import os
from typing import Literal

import av
import numpy as np
from av.audio.resampler import AudioResampler
from jaxtyping import Float32

from loki_core.errors import InputError
from loki_core.media.checks import require_file
from loki_core.media.container import read_packets, sound_stream

__all__ = ["SOUND_ENDINGS", "read_sound"]

SOUND_ENDINGS = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus")
"""What is offered for choosing; what is inside decides."""
_CONTAINERS = "wav,mp3,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,flac,ogg"
"""As for clips: nothing that may name other files or addresses."""


def read_sound(
    path: str | os.PathLike[str], *, rate: int, channels: Literal[1, 2], most_seconds: float
) -> Float32[np.ndarray, "N C"]:
    """The samples of a sound file or of a clip's sound, -1 to 1, at `rate` a second.

    Damaged pieces are left out. Raises `InputError` for what holds no sound that can be decoded, and for one that is longer than
    `most_seconds`.
    """
    file = require_file(path, "a sound")
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    pieces, count = [], 0
    try:
        container = av.open(str(file), "r", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(f"expected a sound (wav, mp3, m4a), got {file.name}, which is none; export it again") from error
    with container:
        stream = sound_stream(container)
        if stream is None:
            raise InputError(f"expected a sound, got {file.name}, in which there is none; choose another file")
        # One channel is copied to two below: FFmpeg would make it 3 dB softer.
        held = 1 if stream.channels == 1 else channels
        resampler = AudioResampler(format="flt", layout="mono" if held == 1 else "stereo", rate=rate)
        for packet in read_packets(container, stream, file.name):
            try:
                frames = [out for frame in stream.decode(packet) for out in resampler.resample(frame)]
            except (av.error.FFmpegError, ValueError):
                continue
            for frame in frames:
                pieces.append(frame.to_ndarray().reshape(-1, held))
                count += len(pieces[-1])
            if count > most_seconds * rate:
                raise InputError(f"expected a sound of at most {most_seconds:g} seconds, got a longer one; cut it first")
    pieces += [frame.to_ndarray().reshape(-1, held) for frame in resampler.resample(None)]
    sound = np.concatenate(pieces) if pieces else np.zeros((0, held), np.float32)
    if not len(sound):
        raise InputError(f"expected a sound, got {file.name}, of which nothing can be read; export it again")
    finite = np.nan_to_num(sound, posinf=0, neginf=0).clip(-1, 1).astype(np.float32)
    return np.ascontiguousarray(np.broadcast_to(finite, (len(finite), channels)))
