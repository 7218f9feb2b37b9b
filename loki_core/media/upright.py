"""Decoded frames as upright sRGB arrays: rotation flags, pixel shape, colour matrix, alpha."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, Interpolation, VideoReformatter
from jaxtyping import Int32, Shaped, UInt8

from loki_core.errors import InputError
from loki_core.media.picture import flatten

__all__ = ["display_matrix", "square_size", "turn", "upright_rgb"]

_COLORSPACE_UNSPECIFIED = 2
_HD_LINES = 720
_HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
"""PQ and HLG, as phones record."""


def display_matrix(frame: VideoFrame) -> Int32[np.ndarray, "2 2"]:
    """The signs of the frame's display matrix: row-vector pixel coordinates (x right, y down) times it are upright ones.

    Raises `InputError` unless it is a turn by quarters, mirrored or not.
    """
    side_data = cast(SideDataContainer, frame.side_data)  # the library's own annotation is wrong
    if Type.DISPLAYMATRIX not in side_data:
        return np.eye(2, dtype=np.int32)
    matrix = np.frombuffer(bytes(side_data[Type.DISPLAYMATRIX]), np.int32).reshape(3, 3)[:2, :2]
    signs = np.sign(matrix) * (np.abs(matrix) > np.abs(matrix).max() // 2)
    if abs(round(np.linalg.det(signs))) != 1 or np.abs(signs).sum() != 2:
        raise InputError("expected a clip turned by quarters of a circle, got another rotation flag; export it upright")
    return signs.astype(np.int32)


def turn(pixels: Shaped[np.ndarray, "H W *C"], matrix: Int32[np.ndarray, "2 2"]) -> Shaped[np.ndarray, "H2 W2 *C"]:
    """Move the pixels as `display_matrix` says. A view."""
    if matrix[0, 0] == 0:
        pixels, matrix = pixels.swapaxes(0, 1), matrix[::-1]
    return pixels[:: matrix[1, 1], :: matrix[0, 0]]


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height with square pixels: the short side grows, so that no detail is lost.

    `aspect` is a pixel's width over its height, None or 0 when the file does not say.
    """
    if not aspect:
        return width, height
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def upright_rgb(frame: VideoFrame, width: int, height: int, reformatter: VideoReformatter) -> UInt8[np.ndarray, "height width 3"]:
    """Convert any decoded frame to sRGB of the given upright size; alpha is laid over white, HDR cut at diffuse white.

    One `reformatter` a clip: it keeps its tables, which take seconds to make for HDR.
    """
    matrix = display_matrix(frame)
    if matrix[0, 0] == 0:
        width, height = height, width
    has_alpha = any(component.is_alpha for component in frame.format.components)
    # Files with reserved numbers for their primaries cannot be converted; they are shown as they are.
    is_hdr = frame.color_trc in _HDR and frame.color_primaries in list(ColorPrimaries)
    converted = reformatter.reformat(
        frame,
        width=width,
        height=height,
        format="rgba" if has_alpha else "rgb24",
        src_colorspace=_colorspace(frame),
        interpolation=Interpolation.BICUBIC,
        dst_color_trc=ColorTrc.BT709 if is_hdr else None,
        dst_color_primaries=ColorPrimaries.BT709 if is_hdr else None,
        threads=1,
    )
    pixels = turn(converted.to_ndarray(), matrix)
    return flatten(pixels[..., :3], pixels[..., 3] if has_alpha else None) if has_alpha else np.ascontiguousarray(pixels)


def _colorspace(frame: VideoFrame) -> Colorspace | None:
    """None = what the frame says. Where it says nothing, players take HD for BT.709 and the rest for BT.601."""
    if frame.colorspace != _COLORSPACE_UNSPECIFIED:
        return None
    return Colorspace.ITU709 if frame.height >= _HD_LINES else Colorspace.ITU601
