"""The head model: FLAME's layout, whatever its source, and its evaluation with `smplx.lbs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from smplx.lbs import lbs
from torch import Tensor

from loki_core.head.params import FlameParams, pack_pose
from loki_core.head.rotation import rotation_matrix

__all__ = [
    "PART_NAMES",
    "HeadId",
    "HeadModel",
    "LandmarkAnchors",
    "head_offsets",
    "pose_vertices",
    "pose_with_offsets",
    "with_identity",
]

PART_NAMES = (
    "skin", "lips", "eye_left", "eye_right", "mouth_cavity", "tongue", "teeth_upper", "teeth_lower",
)  # fmt: skip
"""What a face of the mesh is made of; `HeadModel.face_part` indexes this table."""

_INNER_MOUTH = tuple(PART_NAMES.index(name) for name in ("mouth_cavity", "tongue", "teeth_upper", "teeth_lower"))


@dataclass(frozen=True)
class HeadId:
    """Names the head that coefficients belong to. They mean nothing on another one."""

    name: str
    hash: str
    """First 16 hex digits of the SHA-256 over the model's arrays and names."""


@dataclass(frozen=True, eq=False)
class LandmarkAnchors:
    """Where MediaPipe's 478 face landmarks lie on a head's surface, measured through renders."""

    faces: Int[Tensor, "L"]
    """Triangle of each landmark."""
    barycentrics: Float[Tensor, "L 3"]
    """Weights of that triangle's vertices, summing to 1."""
    spread: Float[Tensor, "L"]
    """Standard deviation of the measured place over views and identities, metres: how far to trust the point."""


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A parametric head in FLAME's layout. Lengths in metres, axes as in docs/conventions.md."""

    name: str
    template: Float[Tensor, "V 3"]
    shape_basis: Float[Tensor, "V 3 S"]
    """Displacement for one standard deviation of each shape axis."""
    expression_basis: Float[Tensor, "V 3 E"]
    pose_correctives: Float[Tensor, "P V3"]
    """(36, 3V): displacements per entry of (R - I) of the four non-root joints; may be zero."""
    joint_regressor: Float[Tensor, "5 V"]
    skinning_weights: Float[Tensor, "V 5"]
    parents: tuple[int, ...]
    """Parent of each joint, -1 for the root: (-1, 0, 1, 1, 1)."""
    faces: Int[Tensor, "F 3"]
    """Counter-clockwise seen from outside."""
    face_part: Int[Tensor, "F"]
    """Index into `PART_NAMES`."""
    vertex_masks: Mapping[str, Bool[Tensor, "V"]]
    """Regions by name: face, lips, lids_left, brow_left, cheek_left, ear_left, eye_left (and right), nose, jaw, neck, scalp..."""
    mirror: Int[Tensor, "V"]
    """For each vertex the one on the other side; its own inverse."""
    expression_names: tuple[str, ...]
    """One name an expression axis: ARKit units where the head has them, psi000... elsewhere."""
    unit_joints: Float[Tensor, "E 3 3"]
    """Rotation (axis-angle) of jaw, left eye and right eye that goes with each expression axis at strength 1; zeros for plain
    axes. Evaluation does not add it: whoever sets the axis sets the joints too (`arkit.apply_controls`)."""
    shape_names: tuple[str, ...]
    named_shapes: Mapping[str, Float[Tensor, "S"]]
    """Meaningful directions in the shape basis, such as chin-width; empty where the head has none."""
    deformation_scale: float
    """Metres; divides the deformation channels of the driver map. 0.0104 for FLAME (Loki's paper)."""
    anchors: LandmarkAnchors | None
    """None until measured."""
    hash: str

    @property
    def id(self) -> HeadId:
        return HeadId(self.name, self.hash)

    @property
    def shape_count(self) -> int:
        return self.shape_basis.shape[-1]

    @property
    def expression_count(self) -> int:
        return self.expression_basis.shape[-1]

    @cached_property
    def blend_basis(self) -> Float[Tensor, "V 3 N"]:
        """Shape and expression axes as one basis, which is what LBS asks for."""
        return torch.cat([self.shape_basis, self.expression_basis], dim=-1)

    @cached_property
    def joint_places(self) -> tuple[Float[Tensor, "5 3"], Float[Tensor, "5 3 S"]]:
        """Joints of the template, and how far each shape axis moves them; metres."""
        used = self.joint_regressor.any(0).nonzero()[:, 0]  # a few vertices
        regressor = self.joint_regressor[:, used]
        return regressor @ self.template[used], torch.einsum("jv,vcs->jcs", regressor, self.shape_basis[used])

    @cached_property
    def outer_vertices(self) -> Bool[Tensor, "V"]:
        """Vertices of at least one face outside the mouth."""
        outside = ~torch.isin(self.face_part, torch.tensor(_INNER_MOUTH, device=self.face_part.device))
        mask = torch.zeros(len(self.template), dtype=torch.bool, device=self.template.device)
        mask[self.faces[outside].flatten()] = True
        return mask

    def neutral(self, batch_shape: tuple[int, ...] = ()) -> FlameParams:
        """Coefficients of the template itself."""
        return FlameParams.neutral(self.shape_count, self.expression_count, batch_shape)


def with_identity(head: HeadModel, betas: Float[Tensor, "S"]) -> HeadModel:
    """The head of one person, without shape axes: posed without betas, it is `head` posed with them, and faster."""
    return replace(
        head,
        template=head.template + head.shape_basis @ betas,
        shape_basis=head.shape_basis[..., :0],
        shape_names=(),
        named_shapes={},
    )


def _skin(
    head: HeadModel, params: FlameParams, pose: Float[Tensor, "*B 5 3"]
) -> tuple[Float[Tensor, "*B V 3"], Float[Tensor, "*B 3"]]:
    """Posed vertices and the root joint, which no rotation moves; without `translation`."""
    if params.betas.shape[-1] != head.shape_count or params.expression.shape[-1] != head.expression_count:
        raise ValueError(
            f"expected {head.shape_count} shape and {head.expression_count} expression coefficients for the head "
            f"'{head.name}', got {params.betas.shape[-1]} and {params.expression.shape[-1]}; "
            "convert the motion to this head first"
        )
    batch = params.batch_shape
    coefficients = torch.cat([params.betas.expand(*batch, -1), params.expression], dim=-1)
    vertices, joints = lbs(
        coefficients.reshape(-1, coefficients.shape[-1]),
        pose.reshape(-1, 15),
        head.template,
        head.blend_basis,
        head.pose_correctives,
        head.joint_regressor,
        torch.tensor(head.parents),
        head.skinning_weights,
    )
    return vertices.reshape(*batch, -1, 3), joints[:, 0].reshape(*batch, 3)


def pose_vertices(head: HeadModel, params: FlameParams) -> Float[Tensor, "*B V 3"]:
    """Vertices in camera space, metres: LBS of the shaped, expressed and posed head, plus `translation`.

    Raises `ValueError` when the coefficient counts are not the head's.
    """
    return _skin(head, params, pack_pose(params))[0] + params.translation.unsqueeze(-2)


def pose_with_offsets(head: HeadModel, params: FlameParams) -> tuple[Float[Tensor, "*B V 3"], Float[Tensor, "*B V 3"]]:
    """`pose_vertices`, and how far expression and the neck, jaw and eye rotations move each vertex; metres, head space.

    The offsets are those of the head posed without global rotation and translation from the head that has only its shape
    (in Loki's paper, delta expression). One pass of LBS for both: the global rotation is rigid, about the root joint.
    """
    pose = pack_pose(params)
    rootless = torch.cat([torch.zeros_like(pose[..., :1, :]), pose[..., 1:, :]], dim=-2)
    upright, root = _skin(head, params, rootless)
    shaped = head.template + torch.einsum("vxs,...s->...vx", head.shape_basis, params.betas)
    root = root.unsqueeze(-2)
    turned = (upright - root) @ rotation_matrix(params.global_orient).mT + root
    return turned + params.translation.unsqueeze(-2), upright - shaped


def head_offsets(head: HeadModel, params: FlameParams) -> Float[Tensor, "*B V 3"]:
    """The offsets of `pose_with_offsets` alone."""
    return pose_with_offsets(head, params)[1]
