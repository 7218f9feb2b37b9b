"""Poses as similarity transforms P = [sR | t] (DeX-Portrait, arXiv 2512.15524): what they do to volumes and to image planes.

Space is the volume's and the picture's: x right, y down, z into the picture, each from -1 to 1 over its extent. A pose carries
points of a head that faces the camera to where they are seen.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from loki_core.head.rotation import rotation_matrix, rotation_vector

__all__ = [
    "DEGREES_OF_FREEDOM",
    "compose_poses",
    "head_plane",
    "invert_pose",
    "pose_matrix",
    "pose_values",
    "ray_map",
    "relative_pose",
    "warp_volume",
]

_EDGE_ON = 0.1
"""Cosine of the turn at which the head's plane is taken to be seen, at least: at 0 nothing would meet it."""
DEGREES_OF_FREEDOM = 6
"""Three of rotation, two of translation, one of scale."""


def pose_matrix(values: Float[Tensor, "*B 6"]) -> Float[Tensor, "*B 3 4"]:
    """[sR | t] of an axis-angle vector (radians), x and y of t, and log s. All 0 is the identity."""
    turn, shift, size = values.split((3, 2, 1), dim=-1)
    place = torch.cat([shift, torch.zeros_like(size)], dim=-1)
    return torch.cat([size.exp()[..., None] * rotation_matrix(turn), place[..., None]], dim=-1)


def pose_values(pose: Float[Tensor, "*B 3 4"]) -> Float[Tensor, "*B 6"]:
    """The six numbers of a pose: the inverse of `pose_matrix` for turns below half a circle. A z of t is left out."""
    size = torch.linalg.vector_norm(pose[..., :, 0], dim=-1)
    turn = rotation_vector(pose[..., :3] / size[..., None, None])
    return torch.cat([turn, pose[..., :2, 3], size.log()[..., None]], dim=-1)


def compose_poses(outer: Float[Tensor, "*B 3 4"], inner: Float[Tensor, "*B 3 4"]) -> Float[Tensor, "*B 3 4"]:
    """outer · inner: `inner` happens first."""
    linear, place = outer[..., :3], outer[..., 3:]
    with _exact(outer):
        return torch.cat([linear @ inner[..., :3], linear @ inner[..., 3:] + place], dim=-1)


def invert_pose(pose: Float[Tensor, "*B 3 4"]) -> Float[Tensor, "*B 3 4"]:
    """The transform that undoes a similarity: (sR)^-1 = (sR)^T / s^2, with s^2 the squared length of any of its columns."""
    linear, place = pose[..., :3], pose[..., 3:]
    inverse = linear.mT / linear[..., :1].square().sum(-2, keepdim=True)
    with _exact(pose):
        return torch.cat([inverse, -inverse @ place], dim=-1)


def relative_pose(driver: Float[Tensor, "*B 3 4"], source: Float[Tensor, "*B 3 4"]) -> Float[Tensor, "*B 3 4"]:
    """P_d · P_s^-1: from the source's pose to the driver's."""
    return compose_poses(driver, invert_pose(source))


def warp_volume(volume: Float[Tensor, "B C D H W"], pose: Float[Tensor, "B 3 4"]) -> Float[Tensor, "B C D H W"]:
    """The volume moved by `pose`, trilinear, 0 where it was outside. Warping by the identity gives it back."""
    with _exact(pose):
        grid = F.affine_grid(invert_pose(pose), list(volume.shape), align_corners=False)
        return F.grid_sample(volume.to(grid.dtype), grid, align_corners=False).to(volume.dtype)


def ray_map(pose: Float[Tensor, "*B 3 4"], size: int) -> Float[Tensor, "*B 3 H W"]:
    """How far the pose moves each point of the image plane: P · [u, v, 0, 1] - [u, v, 0], (u, v) the centres of `size`^2 pixels.

    The paper prints the homogeneous entry as 0, which would hide the translation; with 1 it shows. This is our reading.
    """
    plane = _image_plane(pose, size)
    with _exact(pose):
        moved = pose[..., :3] @ plane + pose[..., 3:]
    return (moved - plane).unflatten(-1, (size, size))


def head_plane(pose: Float[Tensor, "*B 3 4"], size: int) -> Float[Tensor, "*B 2 H W"]:
    """Which (x, y, 0) of the head `pose` carries to each of the centres of `size`^2 pixels, whatever its depth there.

    Undone is the upper left 2 x 2 of sR, whose determinant is s^2 times the cosine of the turn away from the camera.
    """
    a, b, c, d = pose[..., :2, :2].flatten(-2)[..., None, None].unbind(-3)
    scale = pose[..., :, :1].square().sum(-2, keepdim=True)
    across = (a * d - b * c).maximum(_EDGE_ON * scale)
    undo = torch.cat([torch.cat([d, -b], dim=-1), torch.cat([-c, a], dim=-1)], dim=-2) / across
    with _exact(pose):
        return (undo @ (_image_plane(pose, size)[:2] - pose[..., :2, 3:])).unflatten(-1, (size, size))


def _image_plane(like: Tensor, size: int) -> Float[Tensor, "3 N"]:
    """[u, v, 0] of the centres of `size`^2 pixels, row by row."""
    line = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) * (2 / size) - 1
    v, u = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([u, v, torch.zeros_like(u)]).flatten(1)


def _exact(like: Tensor) -> torch.autocast:
    """Places need all their digits, whatever the networks about them are computed in."""
    return torch.autocast(like.device.type, enabled=False)
