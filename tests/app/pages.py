"""What a page does with an answer."""

from __future__ import annotations

import base64

import cv2
import numpy as np
from jaxtyping import UInt8


def decode(picture: str) -> UInt8[np.ndarray, "H W 3"]:
    """A picture as it came in a reply, with or without `data:` before it."""
    return decode_jpeg(base64.b64decode(picture.rpartition(",")[2]))


def decode_jpeg(data: bytes) -> UInt8[np.ndarray, "H W 3"]:
    """A picture as the live route answers it."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1]
