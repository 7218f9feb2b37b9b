"""Carries displacement fields from one head to another of different topology."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree
from torch import Tensor

from loki_core.head.model import PART_NAMES, HeadModel, pose_vertices

__all__ = ["outer_skin", "transfer_fields", "vertex_areas"]

_OPEN_JAW = 0.2
"""Radians. Both heads are compared with an open mouth, or points of one lip would be taken for points of the other."""
_LIPS_APART = 0.05
"""Metres between what follows the jaw and what does not, beside their distance."""
_NEIGHBOURS = 6
_AGREEMENT = 0.2
"""Least cosine between the normals of two points that may correspond."""


def transfer_fields(source: HeadModel, target: HeadModel, fields: Float[Tensor, "U N 3"]) -> Float[Tensor, "U V 3"]:
    """Displacements of `source`'s vertices as displacements of `target`'s skin, scaled by the ratio of the heads' sizes.

    `target` is laid over `source` by a thin-plate spline through landmark anchors where both heads have them, else through the
    few points that every head has; each of its skin vertices then takes the mean of the nearest skin of `source` that faces the
    same way. Eyes and the inside of the mouth get zeros: joints move them.
    """
    jaw = _OPEN_JAW if _opens(source) and _opens(target) else 0.0
    surface, vertices = _jaw_at(source, jaw), _jaw_at(target, jaw)
    guides, places = _guides(source, surface, target, vertices)
    size = torch.linalg.matrix_norm(places - places.mean(0)) / torch.linalg.matrix_norm(guides - guides.mean(0))
    spline = RBFInterpolator(places.numpy(), guides.numpy(), kernel="thin_plate_spline", smoothing=1e-6, degree=1)
    laid = torch.from_numpy(spline(vertices.numpy())).float()
    nearest, weight = _matches(source, surface, target, laid)
    moved = torch.zeros(len(fields), len(target.template), 3)
    moved[:, outer_skin(target)] = torch.einsum("nk,unkc->unc", weight, fields[:, outer_skin(source)][:, nearest]) * size
    return moved


def outer_skin(head: HeadModel) -> Bool[Tensor, "V"]:
    """Vertices of skin and lips; not of eyes, teeth, tongue and the inside of the mouth."""
    skin = torch.tensor([name in ("skin", "lips") for name in PART_NAMES])[head.face_part.long()]
    mask = torch.zeros(len(head.template), dtype=torch.bool)
    mask[head.faces[skin].long().flatten()] = True
    return mask


def vertex_areas(head: HeadModel) -> Float[Tensor, "V"]:
    """A third of the area of the faces around each vertex of the template, square metres."""
    corners = head.template[head.faces.long()]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    share = torch.linalg.vector_norm(normal, dim=-1)[:, None].expand(-1, 3) / 6
    return torch.zeros(len(head.template)).index_add(0, head.faces.long().flatten(), share.flatten())


def _matches(
    source: HeadModel, surface: Float[Tensor, "N 3"], target: HeadModel, laid: Float[Tensor, "V 3"]
) -> tuple[Int[Tensor, "M K"], Float[Tensor, "M K"]]:
    """For each skin vertex of `target` the nearest of `source`'s skin, and their weights, which sum to 1, or 0 where none agrees.

    Near also means: as firmly on the jaw, which tells the lips apart.
    """
    skin, origin = outer_skin(target), outer_skin(source)
    apart = _LIPS_APART if _opens(source) and _opens(target) else 0.0
    places = [
        torch.cat([points, head.skinning_weights[:, 2:3] * apart], dim=1)[mask].numpy()
        for points, head, mask in ((surface, source, origin), (laid, target, skin))
    ]
    distance, nearest = (torch.from_numpy(a) for a in cKDTree(places[0]).query(places[1], _NEIGHBOURS))
    agree = torch.einsum("nc,nkc->nk", _normals(laid, target)[skin], _normals(surface, source)[origin][nearest])
    width = distance.mean(1, keepdim=True).clamp_min(1e-6)
    weight = torch.exp(-((distance / width) ** 2)) * (agree > _AGREEMENT)
    return nearest, (weight / weight.sum(1, keepdim=True).clamp_min(1e-9)).float()


def _opens(head: HeadModel) -> bool:
    return bool((head.skinning_weights[:, 2] > 0.5).any())


def _jaw_at(head: HeadModel, angle: float) -> Float[Tensor, "V 3"]:
    return pose_vertices(head, replace(head.neutral(), jaw_pose=torch.tensor([angle, 0.0, 0.0])))


def _normals(vertices: Float[Tensor, "V 3"], head: HeadModel) -> Float[Tensor, "V 3"]:
    corners = vertices[head.faces.long()]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = torch.zeros_like(vertices).index_add(0, head.faces.long().flatten(), normal.repeat_interleave(3, dim=0))
    return torch.nn.functional.normalize(summed, dim=-1)


def _guides(
    source: HeadModel, from_vertices: Float[Tensor, "N 3"], target: HeadModel, onto_vertices: Float[Tensor, "V 3"]
) -> tuple[Float[Tensor, "K 3"], Float[Tensor, "K 3"]]:
    """Places of the same points on both heads."""
    pairs = [(source, from_vertices), (target, onto_vertices)]
    if source.anchors is not None and target.anchors is not None:
        trusted = (source.anchors.spread < 0.01) & (target.anchors.spread < 0.01)
        places = [_anchored(head, vertices)[trusted] for head, vertices in pairs]
        distinct = np.unique(places[1].numpy().round(5), axis=0, return_index=True)[1]
        return places[0][distinct], places[1][distinct]
    guides, places_ = (_few_points(head, vertices) for head, vertices in pairs)
    return guides, places_


def _anchored(head: HeadModel, vertices: Float[Tensor, "V 3"]) -> Float[Tensor, "L 3"]:
    assert head.anchors is not None
    corners = vertices[head.faces[head.anchors.faces.long()].long()]
    return torch.einsum("lk,lkc->lc", head.anchors.barycentrics.float(), corners)


def _few_points(head: HeadModel, vertices: Float[Tensor, "V 3"]) -> Float[Tensor, "K 3"]:
    """Neck, eyes, corners and middle of the lips, tip of the nose, chin, crown: what regions and joints tell."""
    joints = head.joint_regressor @ vertices
    lips, axial = vertices[head.vertex_masks["lips"]], vertices[vertices[:, 0].abs() < 0.01]
    nose = axial[(axial[:, 1] > lips[:, 1].max()) & (axial[:, 1] < joints[3, 1])]
    jaw = vertices[head.vertex_masks["jaw"] & (vertices[:, 0].abs() < 0.01)]
    points = [joints[1], joints[3], joints[4], lips[lips[:, 0].argmax()], lips[lips[:, 0].argmin()], lips.mean(0)]
    points += [nose[nose[:, 2].argmax()], jaw[(jaw[:, 2] - jaw[:, 1]).argmax()], vertices[vertices[:, 1].argmax()]]
    return torch.stack(points)
