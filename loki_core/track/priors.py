"""What expressions are likely: the priors of the solver for a head's axes."""

from __future__ import annotations

import numpy as np

from loki_core.head.model import HeadModel
from loki_core.motion.axes import axes_named, ranged_axes
from loki_core.track.solver import Priors

__all__ = ["head_priors"]

_UNSEEN = ("tongueOut", "cheekPuff")
"""Units that landmarks do not show."""
_UNIT_SPREAD, _GAZE_SPREAD = 0.4, 0.8
_SPARSITY = 1.0


def head_priors(head: HeadModel) -> Priors:
    """ARKit units stay between 0 and a little over 1; plain axes (psi...) are Gaussian."""
    ranged, gaze = ranged_axes(head).numpy(), axes_named(head, "eyeLook").numpy()
    spread = np.where(ranged, np.where(gaze, _GAZE_SPREAD, _UNIT_SPREAD), 1.0)
    spread[[name.startswith(_UNSEEN) for name in head.expression_names]] = 0
    return Priors(units=spread, ranged=ranged, sparsity=_SPARSITY * np.where(gaze, 0.3, 1.0) * ranged)
