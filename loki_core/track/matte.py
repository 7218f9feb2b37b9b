"""Which pixels of a picture belong to the person: MediaPipe's selfie segmentation, sharpened on the picture's own edges."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8

__all__ = ["person_matte"]

_RADIUS = 1 / 60
"""Of the guided filter, as a share of the picture's larger side."""
_EDGE = 1e-3
"""Variance of grey (0 to 1) below which the guided filter takes a difference for noise."""


def person_matte(picture: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W"]:
    """Share of each pixel that belongs to a person, 0 to 1 (float32)."""
    from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation  # takes seconds, so not before it is needed

    with SelfieSegmentation(model_selection=0) as model:
        coarse = model.process(np.ascontiguousarray(picture)).segmentation_mask
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    radius = max(2, round(max(picture.shape[:2]) * _RADIUS))
    return _guided(grey, coarse.astype(np.float32), radius).clip(0, 1)


def _guided(guide: Float[np.ndarray, "H W"], image: Float[np.ndarray, "H W"], radius: int) -> Float[np.ndarray, "H W"]:
    """Guided filter (He, Sun and Tang 2013, eq. 5, 6, 8)."""
    side = (2 * radius + 1,) * 2
    mean, mean_image = cv2.blur(guide, side), cv2.blur(image, side)
    slope = (cv2.blur(guide * image, side) - mean * mean_image) / (cv2.blur(guide * guide, side) - mean * mean + _EDGE)
    return cv2.blur(slope, side) * guide + cv2.blur(mean_image - slope * mean, side)
