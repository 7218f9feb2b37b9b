"""A pose as plain numbers: for networks that see no driver map, and where a head is, as a similarity transform."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams, pack_pose
from loki_core.head.rotation import compose, rotation_matrix
from loki_core.raster.camera import Camera, CropBox, project

__all__ = ["face_numbers", "head_similarity", "motion_vectors", "vector_length"]

_REACH = 0.1
"""Metres whose size in the crop is told."""
_LEFT_EYE = 3
"""The right one is the last joint."""
_FACE_JOINTS = slice(6, 15)
"""Of the joints' numbers: those of jaw and eyes."""


def vector_length(expressions: int) -> int:
    """Numbers that describe a pose of a head with so many expression axes."""
    return expressions + 18


def motion_vectors(params: FlameParams, camera: Camera, crop: CropBox) -> Float[Tensor, "T K"]:
    """What Loki's ablation with a vector is told: expression, the five joints in radians, and where in the crop the
    head is. Nothing of its shape.

    The last three: the head's origin in half sides from the crop's middle, x right and y down, and the half sides that 10 cm
    take at its distance.
    """
    pixels = project(camera, params.translation)
    middle = pixels.new_tensor([crop.cx, crop.cy])
    reach = float(camera.focal) * _REACH / -params.translation[:, 2:]
    return torch.cat(
        [params.expression, pack_pose(params).flatten(1), (pixels - middle) / float(crop.half), reach / float(crop.half)], dim=1
    )


def face_numbers(vectors: Float[Tensor, "*B K"]) -> Float[Tensor, "*B F"]:
    """What `motion_vectors` say of the face: expression, and jaw and eyes in radians."""
    expressions = vectors.shape[-1] - vector_length(0)
    joints = vectors[..., expressions:][..., _FACE_JOINTS]
    return torch.cat([vectors[..., :expressions], joints], dim=-1)


def head_similarity(head: HeadModel, params: FlameParams, camera: Camera, crop: CropBox) -> Float[Tensor, "*B 6"]:
    """The true pose of a head in a crop: axis-angle, place and log size, as `loki_core.dex.similarity.pose_matrix` takes them.

    Axes are the picture's, x right, y down, z into it. The place is that of the middle between the eyes, in half sides from the
    crop's middle; the size is that of 10 cm there, in half sides.
    """
    places, axes = head.joint_places
    joints = places + torch.einsum("jcs,...s->...jc", axes, params.betas)
    root, neck, eyes = joints[..., 0, :], joints[..., 1, :], joints[..., _LEFT_EYE:, :].mean(-2)
    nodded = _turned(params.neck_pose, eyes - neck) + neck
    seen = _turned(params.global_orient, nodded - root) + root + params.translation
    pixels = project(camera, seen)
    middle = (pixels - pixels.new_tensor([crop.cx, crop.cy])) / crop.half
    size = camera.focal * _REACH / (-seen[..., 2:] * crop.half)
    turn = compose(params.global_orient, params.neck_pose) * params.neck_pose.new_tensor([1.0, -1.0, -1.0])
    return torch.cat([turn, middle, size.log()], dim=-1)


def _turned(turn: Float[Tensor, "*B 3"], point: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    return (rotation_matrix(turn) @ point[..., None])[..., 0]
