"""One picture of a whole driver map, laid out like Figures 4 and 6 of the Loki paper."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont, ImageOps

from loki_core.raster.driver_map import DriverMap
from loki_core.raster.kernels import OCTAVES

__all__ = ["draw_figure", "tone"]

_PAGE, _INK, _FAINT = (22, 23, 25), (238, 239, 242), (150, 154, 163)
_LEFT, _TOP, _GAP, _BAND = 78, 46, 8, 62
"""Pixels: room for the row labels, for the column labels, between tiles, and above the deformation."""
_ROWS = tuple(f"{wave} {axis}" for axis in "xyz" for wave in ("sin", "cos"))
_COLD, _REST, _WARM = np.array([64, 132, 255]), np.array([226, 227, 230]), np.array([242, 92, 44])


def draw_figure(result: DriverMap, *, tile: int = 168) -> UInt8[np.ndarray, "H W 3"]:
    """Rows sin x to cos z over the octaves k = 0 to 6, then the deformation, of one frame (batch shape ()), cut to the head.

    Encoding: -1 black, 1 white. Deformation: blue negative, orange positive, light where nothing moves. `tile`: pixels.
    """
    rows, columns = _box(result.mask.cpu().numpy())
    channels, mask = result.map[:, rows, columns].float().cpu().numpy(), result.mask[rows, columns].cpu().numpy()
    page = Image.new("RGB", (_LEFT + OCTAVES * (tile + _GAP), _TOP + 7 * (tile + _GAP) + _BAND), _PAGE)
    draw = ImageDraw.Draw(page)
    for k in range(OCTAVES):
        _label(draw, (_LEFT + k * (tile + _GAP) + tile // 2, _TOP // 2 + 4), f"k = {k}", "mm", _FAINT)
    for row, name in enumerate(_ROWS):
        y = _TOP + row * (tile + _GAP)
        _label(draw, (_LEFT - 14, y + tile // 2), name, "rm", _INK)
        for k in range(OCTAVES):
            grey = tone(channels[row * OCTAVES + k])[..., None].repeat(3, axis=-1)
            page.paste(_tile(grey, mask, tile), (_LEFT + k * (tile + _GAP), y))
    y = _TOP + 6 * (tile + _GAP) + _BAND
    _label(draw, (_LEFT - 14, y + tile // 2), "delta", "rm", _INK)
    for column, picture in enumerate(_deformation(channels[-3:])):
        x = _LEFT + column * (tile + _GAP)
        _label(draw, (x + tile // 2, y - 20), ("x (left +)", "y (up +)", "z (out +)", "length")[column], "mm", _FAINT)
        page.paste(_tile(picture, mask, tile), (x, y))
    return np.asarray(page)


def tone(channel: Float[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"]:
    """A channel as grey: -1 black, 0 middle, 1 white; what lies beyond is cut."""
    return (channel.clip(-1, 1) * 127.5 + 127.5).astype(np.uint8)


def _box(mask: Bool[np.ndarray, "H W"]) -> tuple[slice, slice]:
    """Rows and columns of the square around the head, within the image; all of it where no head is seen."""
    if not mask.any():
        return slice(None), slice(None)
    spans = [np.flatnonzero(mask.any(axis)) for axis in (1, 0)]
    half = max(np.ptp(span) for span in spans) // 2 + 2
    middles = [(int(span[0]) + int(span[-1])) // 2 for span in spans]
    rows, columns = (slice(max(0, middle - half), middle + half + 1) for middle in middles)
    return rows, columns


def _deformation(moved: Float[np.ndarray, "3 H W"]) -> list[UInt8[np.ndarray, "H W 3"]]:
    """The three axes over their common largest value, and the length over its own."""
    length = np.linalg.norm(moved, axis=0)
    return [_diverging(axis / max(np.abs(moved).max(), 1e-6)) for axis in moved] + [_diverging(length / max(length.max(), 1e-6))]


def _diverging(share: Float[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 3"]:
    strength = np.sqrt(np.abs(share))[..., None]
    end = np.where(share[..., None] < 0, _COLD, _WARM)
    return (_REST + (end - _REST) * strength).astype(np.uint8)


def _tile(picture: UInt8[np.ndarray, "H W 3"], mask: np.ndarray, side: int) -> Image.Image:
    """The head over the page, in the middle of a square."""
    image = Image.fromarray(np.where(mask[..., None], picture, np.array(_PAGE, np.uint8)))
    return ImageOps.pad(image, (side, side), Image.Resampling.LANCZOS, color=_PAGE)


def _label(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, anchor: str, ink: tuple[int, int, int]) -> None:
    draw.text(place, text, fill=ink, anchor=anchor, font=ImageFont.load_default(17))
