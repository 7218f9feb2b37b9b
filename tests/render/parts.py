"""What every renderer of sequences keeps: a part of a clip is the same alone and in the whole."""

from __future__ import annotations

import numpy as np

from loki_core.head.params import FlameParams
from loki_core.render.base import Portrait, SequenceRenderer

__all__ = ["check_parts"]


def check_parts(renderer: SequenceRenderer, portrait: Portrait, frames: FlameParams) -> None:
    """Of 9 frames; a level of difference is rounding."""
    prepared = renderer.prepare(portrait)
    whole = list(renderer.render(prepared, frames))
    for part in (range(0, 2), range(3, 4), range(5, 9)):
        alone = list(renderer.render_part(prepared, frames, part))
        assert len(alone) == len(part)
        for picture, index in zip(alone, part, strict=True):
            assert np.abs(picture.astype(int) - whole[index]).max() <= 1
