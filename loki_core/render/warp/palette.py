"""Colours of the portrait from which hidden parts are painted, so that they suit a painting, a cartoon or an old photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["Palette", "read_palette"]

_FEW = 8
"""Pixels below which a part is not trusted to show its colour."""
_TOOTHLIKE = 0.62
"""Brightness, as a share of the eyes' white, from which what shows between the lips counts as teeth."""
_GRIN = 0.25
"""Share of an open mouth that teeth must take to be believed."""
_ENAMEL = np.array([1.06, 1.03, 0.97])
"""Teeth, in shares of the eyes' white."""


@dataclass(frozen=True, eq=False)
class Palette:
    """sRGB, 0 to 255."""

    skin: Float[np.ndarray, "3"]
    lips: Float[np.ndarray, "3"]
    enamel: Float[np.ndarray, "3"]
    seen_teeth: Bool[np.ndarray, "H W"]
    """Where the portrait shows teeth; empty where it shows none."""


def read_palette(
    picture: Float[np.ndarray, "H W 4"],
    *,
    skin: Bool[np.ndarray, "H W"],
    lips: Bool[np.ndarray, "H W"],
    eyes: Bool[np.ndarray, "H W"],
    mouth: Bool[np.ndarray, "H W"],
) -> Palette:
    """Typical colours of what the masks cover in a premultiplied picture; where one covers too little, from the skin."""
    flesh = np.median(picture[skin][:, :3], axis=0) if skin.sum() >= _FEW else np.array([200.0, 160.0, 140.0])
    red = np.median(picture[lips][:, :3], axis=0) if lips.sum() >= _FEW else flesh * [0.85, 0.6, 0.6]
    white = flesh + 0.5 * (255 - flesh)
    if eyes.sum() >= _FEW:
        white = np.maximum(_bright(picture[eyes]), flesh * 0.9)  # lids may shade the eye; teeth are not darker than skin
    teeth = mouth & (picture[..., :3].mean(-1) > _TOOTHLIKE * white.mean())
    if teeth.sum() < max(_FEW, _GRIN * mouth.sum()):
        return Palette(flesh, red, white * _ENAMEL, np.zeros_like(teeth))
    return Palette(flesh, red, _bright(picture[teeth]), teeth)


def _bright(colours: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, "3"]:
    """The typical colour of the brightest quarter."""
    light = colours[:, :3].mean(1)
    return np.median(colours[light >= np.quantile(light, 0.75), :3], axis=0)
