"""What a face does, as numbers that DeX-Portrait's latent is mapped from."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.head.params import FlameParams

__all__ = ["face_features", "feature_count"]

_JOINT_NUMBERS = 9
"""Of jaw and both eyes."""


def feature_count(expressions: int) -> int:
    """Numbers of `face_features` for a head with so many expression axes."""
    return 2 * (expressions + _JOINT_NUMBERS)


def face_features(params: FlameParams) -> Float[Tensor, "*B F"]:
    """What the face does: expression, jaw and eyes (radians), and the squares of all. Nothing of pose or shape."""
    values = torch.cat([params.expression, params.jaw_pose, params.eye_pose.flatten(-2)], dim=-1)
    return torch.cat([values, values.square()], dim=-1)
