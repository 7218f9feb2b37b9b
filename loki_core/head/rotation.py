"""Rotations as axis-angle vectors (radians): composition, interpolation, matrices, and yaw, pitch, roll.

Everything goes through unit quaternions (w, x, y, z) and is exact and differentiable at zero rotation.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "compose",
    "from_yaw_pitch_roll",
    "invert",
    "rotation_matrix",
    "rotation_vector",
    "slerp",
    "to_yaw_pitch_roll",
]


def rotation_matrix(vector: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Matrix of an axis-angle vector (Rodrigues): columns are the rotated axes."""
    w, x, y, z = _quaternion(vector).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def rotation_vector(m: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 3"]:
    """Axis-angle vector, angle in [0, pi], of the rotation matrix `m` (Shepperd 1978: from its largest quaternion entry)."""
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    x, y, z = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    rows = [  # row k is 4 q_k q, so the row with the largest diagonal is q without cancellation
        1 + xx + yy + zz, x, y, z,
        x, 1 + xx - yy - zz, xy, xz,
        y, xy, 1 - xx + yy - zz, yz,
        z, xz, yz, 1 - xx - yy + zz,
    ]  # fmt: skip
    products = torch.stack(rows, dim=-1).unflatten(-1, (4, 4))
    largest = products.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = products.take_along_dim(largest[..., None, None], dim=-2).squeeze(-2)
    return _vector(row / torch.linalg.vector_norm(row, dim=-1, keepdim=True))


def compose(first: Float[Tensor, "*#B 3"], then: Float[Tensor, "*#B 3"]) -> Float[Tensor, "*#B 3"]:
    """Rotation `R(first) @ R(then)`: `then` happens in the frame that `first` made. Shapes broadcast."""
    return _vector(_multiply(_quaternion(first), _quaternion(then)))


def invert(vector: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    """The rotation that undoes `vector`."""
    return -vector


def slerp(
    start: Float[Tensor, "*#B 3"], end: Float[Tensor, "*#B 3"], share: float | Float[Tensor, "*#B"]
) -> Float[Tensor, "*#B 3"]:
    """Rotate at constant speed from `start` (share 0) to `end` (share 1) along the shorter way (Shoemake 1985)."""
    step = compose(invert(start), end)
    return compose(start, step * torch.as_tensor(share, dtype=step.dtype, device=step.device)[..., None])


def from_yaw_pitch_roll(degrees: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    """Axis-angle of `Ry(yaw) @ Rx(pitch) @ Rz(roll)`; degrees, signs as in docs/conventions.md."""
    half = torch.deg2rad(degrees) / 2
    (cy, cp, cr), (sy, sp, sr) = torch.cos(half).unbind(-1), torch.sin(half).unbind(-1)
    product = [
        cy * cp * cr + sy * sp * sr,
        cy * sp * cr + sy * cp * sr,
        sy * cp * cr - cy * sp * sr,
        cy * cp * sr - sy * sp * cr,
    ]
    return _vector(torch.stack(product, dim=-1))


def to_yaw_pitch_roll(vector: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    """Inverse of `from_yaw_pitch_roll`: degrees, pitch in [-90, 90]."""
    m = rotation_matrix(vector)
    yaw = torch.atan2(m[..., 0, 2], m[..., 2, 2])
    pitch = torch.asin((-m[..., 1, 2]).clamp(-1, 1))
    roll = torch.atan2(m[..., 1, 0], m[..., 1, 1])
    return torch.rad2deg(torch.stack([yaw, pitch, roll], dim=-1))


def _quaternion(vector: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 4"]:
    half = torch.linalg.vector_norm(vector, dim=-1, keepdim=True) / 2
    return torch.cat([torch.cos(half), torch.sinc(half / torch.pi) / 2 * vector], dim=-1)


def _vector(quaternion: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 3"]:
    q = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    w, xyz = q[..., :1], q[..., 1:]
    squared = xyz.square().sum(-1, keepdim=True)
    tiny = squared < torch.finfo(q.dtype).tiny ** 0.5
    sine = torch.where(tiny, torch.ones_like(squared), squared).sqrt()
    return xyz * torch.where(tiny, 2 / w.clamp_min(0.5), 2 * torch.atan2(sine, w) / sine)


def _multiply(a: Float[Tensor, "*#B 4"], b: Float[Tensor, "*#B 4"]) -> Float[Tensor, "*#B 4"]:
    """Hamilton product."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    product = [
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ]
    return torch.stack(product, dim=-1)
