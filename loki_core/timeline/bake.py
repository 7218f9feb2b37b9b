"""From a value in every frame to a few keys that a hand can take hold of."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from loki_core.timeline.curves import Curve, Key

__all__ = ["bake"]


def bake(values: Float[np.ndarray, "T"], tolerance: float, *, first: int = 0) -> Curve:
    """Straight lines between as few of the values as it takes to come within `tolerance` of all, the first at frame `first`.

    Ramer's and Douglas and Peucker's way (1972, 1973), with distances along the value's axis.
    """
    kept, open_spans = {0, len(values) - 1}, [(0, len(values) - 1)]
    while open_spans:
        start, end = open_spans.pop()
        line = np.linspace(values[start], values[end], end - start + 1)
        off = np.abs(values[start : end + 1] - line)
        worst = int(off.argmax())
        if off[worst] > tolerance:
            kept.add(start + worst)
            open_spans += [(start, start + worst), (start + worst, end)]
    return Curve(tuple(Key(first + index, float(values[index]), "linear") for index in sorted(kept)))
