"""A head's coefficients as DeX-Portrait would say them: where the head is as six numbers, and what its face does."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, rotation_matrix
from loki_core.raster.camera import Camera, CropBox, project

__all__ = ["face_features", "feature_count", "head_similarity"]

_REACH = 0.1
"""Metres whose size in the crop is told."""
_LEFT_EYE = 3
"""The right one is the last joint."""
_JOINT_NUMBERS = 9
"""Of jaw and both eyes."""


def feature_count(expressions: int) -> int:
    """Numbers of `face_features` for a head with so many expression axes."""
    return 2 * (expressions + _JOINT_NUMBERS)


def face_features(params: FlameParams) -> Float[Tensor, "*B F"]:
    """What the face does: expression, jaw and eyes (radians), and the squares of all. Nothing of pose or shape."""
    values = torch.cat([params.expression, params.jaw_pose, params.eye_pose.flatten(-2)], dim=-1)
    return torch.cat([values, values.square()], dim=-1)


def head_similarity(head: HeadModel, params: FlameParams, camera: Camera, crop: CropBox) -> Float[Tensor, "*B 6"]:
    """The true pose of a head in a crop, as `pose_matrix` takes it: axis-angle, place and log size. Nothing of the face.

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
