"""A fitted portrait at a smaller size, for previews."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from loki_core.raster.camera import Camera
from loki_core.render.base import Portrait

__all__ = ["shrink_portrait"]


def shrink_portrait(portrait: Portrait, scale: float) -> Portrait:
    """Scale picture, matte, landmarks and camera together; the coefficients stay. At 1 or more: the portrait itself.

    Sides are rounded to whole pixels and at least 2, so the camera is scaled by what that makes of width and height.
    """
    if scale >= 1:
        return portrait
    height, width = portrait.image.shape[:2]
    size = max(2, round(width * scale)), max(2, round(height * scale))
    across, down = size[0] / width, size[1] / height
    old = portrait.camera
    return replace(
        portrait,
        image=_resize(portrait.image, size),
        alpha=None if portrait.alpha is None else _resize(portrait.alpha, size),
        matte=_resize(portrait.matte, size),
        camera=Camera(old.focal * (across + down) / 2, old.cx * across, old.cy * down, *size),
        landmarks=portrait.landmarks * [across, down],
    )


def _resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`size` is (width, height), as OpenCV has it."""
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
