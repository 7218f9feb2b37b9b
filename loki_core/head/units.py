"""ARKit's 52 units on any head: which expression coefficients and which joints make each of them, and how well."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import solve_triangular
from scipy.optimize import lsq_linear
from torch import Tensor

from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.correspondence import outer_skin, transfer_fields, vertex_areas
from loki_core.head.model import HeadId, HeadModel, pose_vertices

__all__ = ["UnitBasis", "unit_basis"]

_PRIOR = 1.5e-4
"""Metres: a coefficient of one standard deviation costs as much as this error all over the unit's region."""
_LIMIT = 4.0
"""Standard deviations that a unit may take of one expression axis."""
_REGION = 0.1
"""A unit's region is where it moves more than this share of its largest displacement."""
_LEAST = 1e-4
"""Metres: a unit that moves nothing farther has no region."""
_READ_EXPRESSION = 3e-4
"""Metres a coefficient weighs in reading, beside what it moves: keeps axes that move the same skin apart."""
_READ_ANGLE = 0.02
"""Metres a radian of jaw or eye weighs in reading, beside what it moves."""

_READ_REST = 1e-4
"""Share of a unit's own motion that pulls it to rest in reading: of two that undo each other, neither is found."""


@dataclass(frozen=True, eq=False)
class UnitBasis:
    """How one head makes ARKit's units, in the order of `ARKIT_UNITS`."""

    head: HeadId
    expression: Float[Tensor, "U E"]
    """Expression coefficients of each unit at strength 1."""
    joints: Float[Tensor, "U 3 3"]
    """Rotations (axis-angle) of jaw, left eye and right eye of each unit at strength 1."""
    reachable: Float[Tensor, "U"]
    """Share of the unit's motion that this head can make, 0 to 1: 1 - residual^2 / motion^2, by area over the unit's region."""
    ceiling: Float[Tensor, "E"]
    """Largest value of each axis: 1 where the axis is a unit itself, else infinity."""
    reading: Float[Tensor, "U X"]
    """Turns a change of coefficients (expression, then jaw and eyes: X = E + 9) into the right-hand side of reading."""
    reading_gram: Float[Tensor, "U U"]
    """How much the units look alike on this head, with a slight pull to rest."""


def unit_basis(head: HeadModel, source: HeadModel) -> UnitBasis:
    """ARKit's units on `head`: its own axes where they are units, else solved against `source`, a head that has them.

    Takes about a second for a head that is solved; do it once.
    """
    if any(name in ARKIT_UNITS for name in head.expression_names):
        return _own_units(head)
    joints = _by_unit(source.unit_joints, source)
    fields = _displacement(source, _by_unit(torch.eye(source.expression_count), source), joints)
    fields[ARKIT_UNITS.index("tongueOut")] = 0  # what moves is missing; the lips alone would be something else
    return _with_reading(head, *_solve(head, transfer_fields(source, head, fields), joints), joints)


def _own_units(head: HeadModel) -> UnitBasis:
    expression = _by_unit(torch.eye(head.expression_count), head)
    return _with_reading(head, expression, expression.sum(1), _by_unit(head.unit_joints, head))


def _by_unit(rows: Float[Tensor, "E ..."], head: HeadModel) -> Float[Tensor, "U ..."]:
    """Rows of the head's axes in the order of `ARKIT_UNITS`, zeros for units that it has no axis for."""
    ordered = torch.zeros(len(ARKIT_UNITS), *rows.shape[1:])
    for index, name in enumerate(ARKIT_UNITS):
        if name in head.expression_names:
            ordered[index] = rows[head.expression_names.index(name)]
    return ordered


def _displacement(head: HeadModel, expression: Float[Tensor, "U E"], joints: Float[Tensor, "U 3 3"]) -> Float[Tensor, "U V 3"]:
    moved = replace(head.neutral((len(expression),)), expression=expression, jaw_pose=joints[:, 0], eye_pose=joints[:, 1:])
    return pose_vertices(head, moved) - pose_vertices(head, head.neutral())


def _solve(
    head: HeadModel, wanted: Float[Tensor, "U V 3"], joints: Float[Tensor, "U 3 3"]
) -> tuple[Float[Tensor, "U E"], Float[Tensor, "U"]]:
    """Expression coefficients for what the joints leave, and the share that is reached.

    Each unit by ridge regression between bounds over all the skin, weighted by area, so that what should rest does; left and
    right apart, since each has its own field.
    """
    skin = outer_skin(head)
    by_joints = _displacement(head, torch.zeros(len(joints), head.expression_count), joints)
    wanted = torch.where(skin[:, None], wanted, by_joints)  # eyes and mouth are the joints' alone
    size = torch.linalg.vector_norm(wanted, dim=-1)
    largest = size.amax(1, keepdim=True)
    region = ((size > _REGION * largest) & (largest > _LEAST)) * vertex_areas(head)
    area = vertex_areas(head) * skin
    basis = head.expression_basis.double()
    gram = torch.einsum("vce,v,vcf->ef", basis, area.double(), basis)
    target = torch.einsum("vce,v,uvc->ue", basis, area.double(), (wanted - by_joints).double())
    expression = torch.zeros(len(joints), head.expression_count)
    for index in region.sum(1).nonzero().flatten().tolist():
        ridge = _PRIOR**2 * region[index].sum().double() * torch.eye(len(gram), dtype=torch.float64)
        expression[index] = _bounded(gram + ridge, target[index])
    missed = (_displacement(head, expression, joints) - wanted).square().sum(-1)
    share = 1 - (missed * region).sum(1) / (size.square() * region).sum(1).clamp_min(1e-20)
    return expression, share.clamp(0, 1) * (region.sum(1) > 0)


def _bounded(gram: Float[Tensor, "E E"], target: Float[Tensor, "E"]) -> Float[Tensor, "E"]:
    """Minimise |A x - b|^2 within the limits, given A'A and A'b."""
    factor = np.linalg.cholesky(gram.numpy())
    solved = lsq_linear(factor.T, solve_triangular(factor, target.numpy(), lower=True), (-_LIMIT, _LIMIT), method="bvls")
    return torch.from_numpy(solved.x).float()


def _with_reading(
    head: HeadModel, expression: Float[Tensor, "U E"], reachable: Float[Tensor, "U"], joints: Float[Tensor, "U 3 3"]
) -> UnitBasis:
    metric = _metric(head)
    coordinates = torch.cat([expression, joints.flatten(1)], dim=1).double()
    reading = coordinates @ metric
    own = torch.tensor([name in ARKIT_UNITS for name in head.expression_names])
    ceiling = torch.where(own, 1.0, torch.inf)
    gram = reading @ coordinates.T
    gram += _READ_REST * torch.diag(gram.diagonal())
    return UnitBasis(head.id, expression, joints, reachable, ceiling, reading, gram)


def _metric(head: HeadModel) -> Float[Tensor, "X X"]:
    """Mean squared displacement by area over the head, per product of two coefficients (expression, jaw, eyes); float64."""
    turns = torch.eye(9).reshape(9, 3, 3) * 0.1
    by_joints = _displacement(head, torch.zeros(9, head.expression_count), turns) / 0.1
    moves = torch.cat([head.expression_basis.permute(2, 0, 1), by_joints]).double()
    area = vertex_areas(head).double()
    weighted = (moves * (area / area.sum()).sqrt()[:, None]).flatten(1)
    own = torch.tensor([_READ_EXPRESSION] * head.expression_count + [_READ_ANGLE] * 9, dtype=torch.float64)
    return weighted @ weighted.T + torch.diag(own**2)
