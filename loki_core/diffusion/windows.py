"""Overlapping windows over a clip of any length, and the blending of what is predicted where they overlap."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Window", "WindowBlend", "plan_windows", "triangular_weights"]


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


class WindowBlend:
    """Blends the predictions of overlapping windows, step by step, in the order of the windows.

    As MultiDiffusion (Bar-Tal et al. 2023, eq. 5) with `triangular_weights`, but a window knows only those before it: its
    overlapping frames follow the weighted mean of its own predictions and of theirs at the same step. So finished frames never
    change, and what is kept between windows is the overlap alone, whatever the clip's length.
    """

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}

    def blend(self, step: int, window: Window, prediction: Float[Tensor, "T C h w"]) -> Float[Tensor, "T C h w"]:
        """The prediction that `window` follows at `step`; steps come in the same order in each window."""
        weights = triangular_weights(len(prediction)).to(prediction)[:, None, None, None]
        total, share = weights * prediction, weights
        kept = self._kept.get(step)
        if kept is not None:
            before = kept.weights.new_zeros(len(prediction) - len(kept.weights), 1, 1, 1)
            share = weights + torch.cat([kept.weights, before])
            earlier = torch.cat([kept.total, before.expand(-1, *prediction.shape[1:])])
            total = total + earlier
            prediction = prediction * (weights / share) + earlier / share
        again = window.settled - window.start
        self._kept[step] = _Kept(total[again:], share[again:])
        return prediction


@dataclass(frozen=True, eq=False)
class _Kept:
    """Weighted sum of the predictions of one step, and the weights' sum, for the frames that the next window sees again."""

    total: Float[Tensor, "K C h w"]
    weights: Float[Tensor, "K 1 1 1"]
