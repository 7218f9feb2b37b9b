"""Pictures side by side, with captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

__all__ = ["compose_panel"]

_PAPER = 24
_INK = 224


def compose_panel(
    frames: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    *,
    captions: Sequence[str] | None = None,
    height: int | None = None,
    gap: int = 4,
) -> UInt8[np.ndarray, "H W 3"]:
    """Scale the frames to one height and set them in a row, `gap` pixels apart, each over its caption.

    `captions`: one for each frame; None = no strip for them. `height`: of the pictures alone, pixels; None = the tallest's.
    """
    if not frames:
        raise ValueError("expected at least one frame, got none")
    if captions is not None and len(captions) != len(frames):
        raise ValueError(f"expected {len(frames)} captions, got {len(captions)}; give one for each frame")
    height = height or max(frame.shape[0] for frame in frames)
    columns = [_scaled(frame, height) for frame in frames]
    if captions is not None:
        strip = max(16, height // 20)
        columns = [
            np.vstack([column, _caption(text, column.shape[1], strip)]) for column, text in zip(columns, captions, strict=True)
        ]
    spacer = np.full((columns[0].shape[0], gap, 3), _PAPER, np.uint8)
    row = [part for column in columns for part in (spacer, column)]
    return np.hstack(row[1:])


def _scaled(frame: UInt8[np.ndarray, "_ _ 3"], height: int) -> UInt8[np.ndarray, "height W 3"]:
    if frame.shape[0] == height:
        return frame
    width = max(1, round(frame.shape[1] * height / frame.shape[0]))
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS))


def _caption(text: str, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
    strip = Image.new("L", (width, height), _PAPER)
    font = ImageFont.load_default(size=height * 0.7)
    ImageDraw.Draw(strip).text((width / 2, height / 2), text, fill=_INK, font=font, anchor="mm")
    return np.asarray(strip.convert("RGB"))
