"""What a run leaves to look at: losses.csv, curves for TensorBoard, validation clips."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import torch
from jaxtyping import UInt8
from tensorboardX import SummaryWriter  # type: ignore[import-untyped]  # it carries no type information
from torch import Tensor

from loki_core.media.video_out import open_writer
from loki_core.training.validation import Validation

__all__ = ["RunLog"]

_FPS = Fraction(25)
_LARGER = 2
"""Times that clips are enlarged: one of 64 pixels is hard to look at."""
_TALLEST = 256
"""Pixels from which on they are not."""


class RunLog:
    """Writes into a run's folder; a resumed run goes on in the same files. A context manager."""

    def __init__(self, folder: Path, every: int) -> None:
        """`every`: steps from one line to the next."""
        self._folder, self._every, self._start = folder, every, time.monotonic()
        self._since: list[float] = []
        self._curves = SummaryWriter(str(folder / "curves"))

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._curves.close()

    def step(self, step: int, loss: float, rate: float) -> None:
        """Of each step; losses are averaged from line to line."""
        self._since.append(loss)
        if step % self._every:
            return
        mean, path = sum(self._since) / len(self._since), self._folder / "losses.csv"
        head = "" if path.exists() else "step,loss,rate,seconds\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{head}{step},{mean:.6f},{rate:.3g},{time.monotonic() - self._start:.1f}\n")
        self._curves.add_scalar("loss", mean, step)
        self._curves.add_scalar("rate", rate, step)
        self._since.clear()

    def validation(self, step: int, validation: Validation) -> None:
        """The figures, a picture in TensorBoard, and the clip as validation/step-000500.mp4."""
        self._curves.add_scalar("head_psnr", validation.head_psnr, step)
        self._curves.add_scalar("head_psnr_of_the_portrait", validation.still_psnr, step)
        clip = _beside(validation)
        self._curves.add_image("validation", clip[len(clip) // 2].numpy(), step, dataformats="HWC")
        self._curves.flush()
        place = self._folder / "validation"
        place.mkdir(exist_ok=True)
        height, width = clip.shape[1:3]
        with open_writer(place / f"step-{step:06d}.mp4", _FPS, (height, width)) as writer:
            for frame in clip.numpy():
                writer.write(frame)


def _beside(validation: Validation) -> UInt8[Tensor, "T H W 3"]:
    """Portraits above, then what should be, then what is, a column for each person."""
    still = validation.portraits[:, None].expand_as(validation.truth)
    rows = [torch.cat(list(row), dim=-1) for row in (still, validation.truth, validation.made)]
    clip = torch.cat(rows, dim=-2).permute(0, 2, 3, 1)
    if validation.truth.shape[-1] < _TALLEST:
        clip = clip.repeat_interleave(_LARGER, 1).repeat_interleave(_LARGER, 2)
    return clip.contiguous()
