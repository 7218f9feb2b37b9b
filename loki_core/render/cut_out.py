"""A portrait without what is around the person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loki_core.render.base import Portrait
from loki_core.render.warp.layers import fill_smoothly

__all__ = ["cut_out"]

_SURE = 0.6
"""Share of a pixel from which on it keeps its colour."""


def cut_out(portrait: Portrait) -> Portrait:
    """The person alone, transparent where nobody is. Soft edges take the person's own colours, not those that shine through."""
    matte = np.round(portrait.matte * 255).astype(np.uint8)
    alpha = matte if portrait.alpha is None else np.minimum(matte, portrait.alpha)
    colours = fill_smoothly(portrait.image.astype(np.float32), alpha >= _SURE * 255)
    return replace(portrait, image=np.round(colours).clip(0, 255).astype(np.uint8), alpha=alpha)
