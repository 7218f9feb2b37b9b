"""Overlapping windows over a clip of any length, and the blending of what is predicted where they overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Window", "WindowBlend", "plan_windows", "triangular_weights", "windows_of"]


@dataclass(frozen=True)
class Window:
    """Frames `start` to `stop` (not included) of a clip, denoised together."""

    start: int
    stop: int
    settled: int
    """First frame that a later window sees again; the frames before it are done with this one."""


def plan_windows(frames: int, *, size: int, overlap: int) -> tuple[Window, ...]:
    """Windows of `size` frames, each sharing `overlap` with the one before; the last shares more, so that it ends with the clip.

    A clip that is shorter than `size` is one window.
    """
    if frames < 1 or not 0 <= overlap < size:
        raise ValueError(f"expected at least one frame and an overlap below the window's {size}, got {frames} and {overlap}")
    last = max(frames - size, 0)
    starts = [*range(0, last, size - overlap), last]
    nexts = [*starts[1:], frames]
    return tuple(Window(start, min(start + size, frames), settled) for start, settled in zip(starts, nexts, strict=True))


def triangular_weights(count: int) -> Float[Tensor, "T"]:
    """1, 2, 3, ... up to the middle and down again: a frame counts most where it has neighbours on both sides."""
    rising = torch.arange(1, count + 1, dtype=torch.float32)
    return torch.minimum(rising, rising.flip(0))


def windows_of(windows: Sequence[Window], part: range) -> tuple[Window, ...]:
    """Those that see any of the frames `part`."""
    return tuple(window for window in windows if window.start < part.stop and part.start < window.stop)


class WindowBlend:
    """Blends what overlapping windows have made, in the order of the windows.

    The weighted mean of MultiDiffusion (Bar-Tal et al. 2023, eq. 5) with `triangular_weights`, but of finished latents, not at
    each step: a frame depends on the windows that see it and on no others, so a part of a clip can be made alone, and is the
    same. What is kept between windows is the overlap, whatever the clip's length. All windows start a frame from the same noise,
    which keeps what they make of it alike.
    """

    def __init__(self) -> None:
        self._kept: _Kept | None = None

    def blend(self, window: Window, latents: Float[Tensor, "T C h w"]) -> Float[Tensor, "T C h w"]:
        """The window's latents, where earlier windows see its frames as the mean of all so far."""
        weights = triangular_weights(len(latents)).to(latents)[:, None, None, None]
        total, share, kept = weights * latents, weights, self._kept
        if kept is not None:
            before = kept.weights.new_zeros(len(latents) - len(kept.weights), 1, 1, 1)
            share = weights + torch.cat([kept.weights, before])
            earlier = torch.cat([kept.total, before.expand(-1, *latents.shape[1:])])
            total = total + earlier
            latents = latents * (weights / share) + earlier / share
        again = window.settled - window.start
        self._kept = _Kept(total[again:], share[again:])
        return latents


@dataclass(frozen=True, eq=False)
class _Kept:
    """Weighted sum of the latents, and the weights' sum, for the frames that the next window sees again."""

    total: Float[Tensor, "K C h w"]
    weights: Float[Tensor, "K 1 1 1"]
