"""The head reduced to its 478 landmarks: positions and analytic derivatives, numpy float64, batched over frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from loki_core.errors import InputError
from loki_core.head.model import HeadModel

__all__ = [
    "JOINTS", "SHIFT", "TURN", "UNITS", "LandmarkHead", "ShapedHead", "left_jacobian", "reduce_head", "rotations", "shape_head",
]  # fmt: skip

_JOINTS = (2, 3, 4)
"""Jaw, left eye, right eye: the joints that move landmarks within the head. The neck is part of the head's turn."""


TURN, SHIFT, JOINTS, UNITS = slice(0, 3), slice(3, 6), slice(6, 15), slice(15, None)
"""Where a frame's vector of unknowns holds: a rotation vector applied after the head's; metres; the axis-angles of jaw, left eye
and right eye on top of what the units turn; the expression."""


@dataclass(frozen=True, eq=False)
class LandmarkHead:
    """Everything that the landmarks need; each quantity is linear in c = (1, betas, expression).

    A landmark lies at x(c) + sum over joints k of (R_k - 1) a_k(c) in head space, where the arm a_k is the share of the landmark
    that hangs on the joint, relative to the joint: exactly linear blend skinning of the anchors' triangles.
    """

    place: Float[np.ndarray, "L 3 C"]
    arms: tuple[Float[np.ndarray, "_ 3 C"], ...]
    """Only for the landmarks that hang on the joint."""
    hanging: tuple[Int[np.ndarray, "_"], ...]
    """Those landmarks."""
    root: Float[np.ndarray, "3 C"]
    """The joint about which the head turns."""
    unit_turns: Float[np.ndarray, "E 3 3"]
    """Axis-angle of the three joints that goes with each expression axis at strength 1."""
    spread: Float[np.ndarray, "L"]
    """Standard deviation of the anchors, metres."""
    shape_count: int


@dataclass(frozen=True, eq=False)
class ShapedHead:
    """A `LandmarkHead` of one person: linear in the expression alone."""

    place: Float[np.ndarray, "L 3"]
    place_units: Float[np.ndarray, "L 3 E"]
    arms: tuple[Float[np.ndarray, "_ 3"], ...]
    arms_units: tuple[Float[np.ndarray, "_ 3 E"], ...]
    hanging: tuple[Int[np.ndarray, "_"], ...]
    root: Float[np.ndarray, "3"]
    root_units: Float[np.ndarray, "3 E"]
    unit_turns: Float[np.ndarray, "E 3 3"]


def reduce_head(head: HeadModel) -> LandmarkHead:
    """Reduce `head` to its landmarks. Raises `InputError` when they have not been measured on it."""
    if head.anchors is None:
        raise InputError(
            f"expected a head with measured landmarks, got '{head.name}' without; run presets/heads/measure_anchors.py for it"
        )
    corners = head.faces.numpy()[head.anchors.faces.numpy()]
    weights = head.anchors.barycentrics.numpy().astype(np.float64)
    basis = np.concatenate([_array(head.template)[..., None], _array(head.shape_basis), _array(head.expression_basis)], axis=-1)
    joints = np.einsum("jv,vac->jac", _array(head.joint_regressor), basis)
    place = np.einsum("lk,lkac->lac", weights, basis[corners])
    arms, hanging = [], []
    for joint in _JOINTS:
        share = weights * _array(head.skinning_weights)[corners, joint]
        on = np.flatnonzero(share.sum(1) > 1e-6)
        hanging.append(on)
        arms.append(np.einsum("lk,lkac->lac", share[on], basis[corners[on]]) - share[on].sum(1)[:, None, None] * joints[joint])
    return LandmarkHead(
        place, tuple(arms), tuple(hanging), joints[0], _array(head.unit_joints), _array(head.anchors.spread), head.shape_count
    )


def shape_head(head: LandmarkHead, betas: Float[np.ndarray, "S"]) -> ShapedHead:
    """Fix the identity."""
    first = np.concatenate([[1.0], betas])
    count = len(first)
    return ShapedHead(
        place=head.place[..., :count] @ first,
        place_units=head.place[..., count:],
        arms=tuple(a[..., :count] @ first for a in head.arms),
        arms_units=tuple(a[..., count:] for a in head.arms),
        hanging=head.hanging,
        root=head.root[..., :count] @ first,
        root_units=head.root[..., count:],
        unit_turns=head.unit_turns,
    )


def rotations(vectors: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 3 3"]:
    """Matrices of axis-angle vectors (Rodrigues), exact at zero."""
    square = np.einsum("...i,...i", vectors, vectors)[..., None, None]
    angle = np.sqrt(square)
    cross = _cross(vectors)
    return np.eye(3) + np.sinc(angle / np.pi) * cross + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * cross @ cross


def left_jacobian(vectors: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 3 3"]:
    """J with R(v + d) = R(J d) R(v) to first order (Sola et al. 2018, eq. 145)."""
    square = np.einsum("...i,...i", vectors, vectors)[..., None, None]
    angle = np.sqrt(square)
    cross = _cross(vectors)
    safe = np.where(square < 1e-8, 1.0, square)
    third = np.where(square < 1e-8, 1 / 6, (1 - np.sinc(angle / np.pi)) / safe)
    return np.eye(3) + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * cross + third * cross @ cross


def _cross(v: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 3 3"]:
    """Matrix of v x."""
    result = np.zeros((*v.shape, 3))
    result[..., 0, 1], result[..., 0, 2], result[..., 1, 2] = -v[..., 2], v[..., 1], -v[..., 0]
    return result - np.swapaxes(result, -1, -2)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.numpy().astype(np.float64)
