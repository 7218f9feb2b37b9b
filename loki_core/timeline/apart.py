"""Two performances on one face: the head moves as one of them says, the face as the other."""

from __future__ import annotations

import numpy as np

from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.units import UnitBasis
from loki_core.motion.apart import with_pose
from loki_core.motion.retarget import RetargetSettings
from loki_core.timeline.evaluate import evaluate_layers
from loki_core.timeline.layers import Layer
from loki_core.timeline.performance import Performance, frame_rate, perform

__all__ = ["perform_apart"]


def perform_apart(
    pose: Performance,
    expression: Performance,
    portrait: FlameParams,
    head: HeadModel,
    units: UnitBasis,
    settings: RetargetSettings,
) -> FlameParams:
    """The head and neck of `pose` with the face of `expression`, on a portrait (batch shape ()): batch shape (T,).

    At the rate and of the length of `expression`; both begin together. A pose of another rate is taken at the same times, between
    its frames where need be; one that ends earlier holds its last frame, one that is longer is cut. Each is carried over from its
    own neutral frame, so that neither has a say in what the other gives.
    """
    face = perform(expression, portrait, head, units, settings)
    turned = perform(pose, portrait, head, units, settings)
    rate = float(frame_rate(pose) / frame_rate(expression))
    frames = np.arange(face.batch_shape[0], dtype=np.float64)
    placed = evaluate_layers((Layer("pose", source="pose"),), lambda layer: (turned, rate), portrait, head, units, frames)
    return with_pose(face, placed)
