"""Colours of the portrait from which hidden parts are painted, so that they suit a painting, a cartoon or an old photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["Palette", "read_palette"]

_FEW = 8
"""Pixels below which a part is not trusted to show its colour."""


@dataclass(frozen=True, eq=False)
class Palette:
    """sRGB, 0 to 255."""

    skin: Float[np.ndarray, "3"]
    lips: Float[np.ndarray, "3"]
    white: Float[np.ndarray, "3"]
    """Of the eyes; teeth are painted from it."""


def read_palette(
    picture: Float[np.ndarray, "H W 4"],
    skin: Bool[np.ndarray, "H W"],
    lips: Bool[np.ndarray, "H W"],
    eyes: Bool[np.ndarray, "H W"],
) -> Palette:
    """Typical colours of what the masks cover in a premultiplied picture; where one covers too little, from the skin."""
    flesh = np.median(picture[skin][:, :3], axis=0) if skin.sum() >= _FEW else np.array([200.0, 160.0, 140.0])
    red = np.median(picture[lips][:, :3], axis=0) if lips.sum() >= _FEW else flesh * [0.85, 0.6, 0.6]
    bright = flesh + 0.5 * (255 - flesh)
    if eyes.sum() >= _FEW:
        seen = picture[eyes][:, :3]
        light = seen.mean(1)
        seen = np.median(seen[light >= np.quantile(light, 0.75)], axis=0)
        bright = np.maximum(seen, flesh * 0.9)  # lids may leave the eye in shadow; teeth are not darker than skin
    return Palette(flesh, red, bright)
