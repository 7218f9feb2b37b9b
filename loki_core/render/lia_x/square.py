"""The square of a picture that a network sees, and how its result is laid back into the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, head_crop, project

__all__ = ["Square", "cut", "head_square", "lay_back"]

_FEATHER = 0.08
"""Of the side: how far the result fades into the picture around it."""


@dataclass(frozen=True)
class Square:
    """Whole pixels; it may reach beyond the picture's borders."""

    left: int
    top: int
    side: int


def head_square(head: HeadModel, params: FlameParams, camera: Camera, *, margin: float) -> Square:
    """The square around a posed head (batch shape ()), wider than it by `margin`."""
    box = head_crop(project(camera, pose_vertices(head, params)), margin=margin)
    return Square(round(box.cx - box.half), round(box.cy - box.half), max(2, round(2 * box.half)))


def cut(image: UInt8[np.ndarray, "H W 3"], square: Square) -> UInt8[np.ndarray, "S S 3"]:
    """The square's pixels; beyond the picture its border goes on. Raises `ValueError` for a square beside the picture."""
    height, width = image.shape[:2]
    left, top, right, bottom = square.left, square.top, square.left + square.side, square.top + square.side
    inside = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if not inside.size:
        raise ValueError(f"expected a square that meets the picture of {width}x{height}, got {square}")
    beyond = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    return np.ascontiguousarray(cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE))


def lay_back(image: UInt8[np.ndarray, "H W 3"], square: Square, result: UInt8[np.ndarray, "R R 3"]) -> UInt8[np.ndarray, "H W 3"]:
    """A copy of the picture with the result, scaled to the square, in its place.

    It fades out towards the square's edges, but not where the picture ends before them.
    """
    side, (height, width) = square.side, image.shape[:2]
    way = cv2.INTER_AREA if side < len(result) else cv2.INTER_CUBIC
    grown = cv2.resize(result, (side, side), interpolation=way)
    rows, from_row = _shared(square.top, side, height)
    columns, from_column = _shared(square.left, side, width)
    share = np.minimum.outer(_fade(square.top, side, height)[from_row], _fade(square.left, side, width)[from_column])[..., None]
    laid = image.copy()
    below = image[rows, columns].astype(np.float32)
    laid[rows, columns] = np.round(below + share * (grown[from_row, from_column] - below)).astype(np.uint8)
    return laid


def _shared(start: int, side: int, length: int) -> tuple[slice, slice]:
    """The part of the picture under the square along one direction, and the same part of the square."""
    first, stop = max(0, start), min(length, start + side)
    return slice(first, stop), slice(first - start, stop - start)


def _fade(start: int, side: int, length: int) -> Float[np.ndarray, "S"]:
    """Share of the result along one direction."""
    place = (np.arange(side, dtype=np.float32) + 0.5) / (_FEATHER * side)
    share = np.ones(side, np.float32)
    if start > 0:
        share = np.minimum(share, place)
    if start + side < length:
        share = np.minimum(share, place[::-1])
    return share * share * (3 - 2 * share)
