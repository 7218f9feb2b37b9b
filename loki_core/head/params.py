"""FLAME coefficients as one value, and the order in which joints are packed into a pose vector."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["JOINT_NAMES", "FlameParams", "pack_pose"]

JOINT_NAMES = ("root", "neck", "jaw", "left_eye", "right_eye")
"""The joints in the order in which `pack_pose` and every head model's `parents` list them."""


@dataclass(frozen=True, eq=False)  # == on tensors has no single answer
class FlameParams:
    """FLAME coefficients; `*B` is any leading batch shape, `()` included.

    Rotations: axis-angle in radians, each joint relative to its parent. Lengths: metres.
    Axes: +x the subject's left, +y up, +z out of the face.
    """

    betas: Float[Tensor, "*B S"]
    """Identity, in standard deviations of the shape basis."""
    expression: Float[Tensor, "*B E"]
    """Expression (psi), in units of the expression basis."""
    global_orient: Float[Tensor, "*B 3"]
    """Rotation of the whole head about the root joint, head space to camera space."""
    neck_pose: Float[Tensor, "*B 3"]
    jaw_pose: Float[Tensor, "*B 3"]
    """Positive x opens the mouth."""
    eye_pose: Float[Tensor, "*B 2 3"]
    """Left, then right (the subject's)."""
    translation: Float[Tensor, "*B 3"]
    """Added after posing, in camera space."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading shape `*B`."""
        return tuple(self.expression.shape[:-1])

    def __getitem__(self, index: int | slice | None) -> FlameParams:
        """Index the first batch dimension of every field; None puts a new one before it."""
        return FlameParams(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    @staticmethod
    def neutral(shape_count: int, expression_count: int, batch_shape: tuple[int, ...] = ()) -> FlameParams:
        """All coefficients zero: the template, at the origin, facing +z."""
        return FlameParams(
            betas=torch.zeros(*batch_shape, shape_count),
            expression=torch.zeros(*batch_shape, expression_count),
            global_orient=torch.zeros(*batch_shape, 3),
            neck_pose=torch.zeros(*batch_shape, 3),
            jaw_pose=torch.zeros(*batch_shape, 3),
            eye_pose=torch.zeros(*batch_shape, 2, 3),
            translation=torch.zeros(*batch_shape, 3),
        )


def pack_pose(params: FlameParams) -> Float[Tensor, "*B 5 3"]:
    """Stack the joint rotations in the order of `JOINT_NAMES`."""
    body = torch.stack([params.global_orient, params.neck_pose, params.jaw_pose], dim=-2)
    return torch.cat([body, params.eye_pose], dim=-2)
