"""Cutting a turned and scaled window out of a picture."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8

__all__ = ["cut_window", "window_matrix"]


def window_matrix(
    middle: Float[np.ndarray, "2"], *, side: float, scale: float, turn: float = 0.0, mirror: bool = False
) -> Float[np.ndarray, "2 3"]:
    """Picture to a square window of `side` pixels: `middle` to its middle, scaled, turned (radians, clockwise), mirrored."""
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[-c, s], [s, c]]) if mirror else np.array([[c, -s], [s, c]])
    return np.column_stack([linear, side / 2 - linear @ middle])


def cut_window(
    picture: UInt8[np.ndarray, "H W 3"], matrix: Float[np.ndarray, "2 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """The window of `size` (height, width) that `matrix` maps the picture to, black beyond its border, without aliasing."""
    height, width = size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
    source = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    low = np.floor(source.min(0)).astype(int).clip(0)
    high = np.ceil(source.max(0)).astype(int).clip(0)
    part = picture[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return np.zeros((height, width, 3), np.uint8)
    shrink = max(1, int(1 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))))
    small = (max(1, round(part.shape[1] / shrink)), max(1, round(part.shape[0] / shrink)))
    factor = np.array([part.shape[1] / small[0], part.shape[0] / small[1]])
    if shrink > 1:
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
    linear = matrix[:, :2] * factor
    offset = matrix[:, 2] + matrix[:, :2] @ low
    half = np.array([0.5, 0.5])  # pixel centres lie at +0.5 here, at whole numbers in OpenCV
    shifted = np.column_stack([linear, offset + linear @ half - half])
    return cv2.warpAffine(part, shifted, (width, height), flags=cv2.INTER_LINEAR)
