"""Several sounds heard together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32
from moviepy.audio.AudioClip import AudioArrayClip, AudioClip

__all__ = ["clip_of", "mix"]


def clip_of(samples: Float32[np.ndarray, "N 2"], rate: int) -> AudioClip:
    """Samples in [-1, 1] as a clip."""
    return AudioArrayClip(samples, fps=rate)


def mix(parts: Sequence[tuple[float, AudioClip]], duration: float) -> AudioClip | None:
    """Clips (stereo), each from its time in seconds on, added up; None without any. Louder than full is cut off.

    As long as `duration`. At the rate of the fastest.
    """
    if not parts:
        return None

    def heard(t: Float[np.ndarray, "N"] | float) -> Float[np.ndarray, "*N 2"]:
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        total = np.zeros((len(times), 2))
        for start, clip in parts:
            inside = (times >= start) & (times < start + clip.duration)
            if inside.any():
                total[inside] += np.asarray(clip.get_frame(times[inside] - start)).reshape(-1, 2)
        return total.clip(-1, 1).reshape(*np.shape(t), 2)

    return AudioClip(heard, duration=duration, fps=max(int(clip.fps) for _, clip in parts))
