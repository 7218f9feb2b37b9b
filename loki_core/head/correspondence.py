"""Carries displacement fields from one head to another of different topology."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree
from torch import Tensor

from loki_core.head.model import PART_NAMES, HeadModel, pose_vertices

__all__ = ["outer_skin", "transfer_fields", "vertex_areas"]

_OPEN_JAW = 0.2
"""Radians. Both heads are compared with an open mouth, or points of one lip would be taken for points of the other."""
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
    from_vertices, onto_vertices = _jaw_at(source, jaw), _jaw_at(target, jaw)
    guides, places = _guides(source, from_vertices, target, onto_vertices)
    spread = [float((points - points.mean(0)).square().sum().sqrt()) for points in (places, guides)]
    warp = RBFInterpolator(places.numpy(), guides.numpy(), kernel="thin_plate_spline", smoothing=1e-6, degree=1)
    laid = torch.from_numpy(warp(onto_vertices.numpy())).float()

    onto, origin = outer_skin(target), outer_skin(source)
    distance, nearest = (
        torch.from_numpy(a) for a in cKDTree(from_vertices[origin].numpy()).query(laid[onto].numpy(), _NEIGHBOURS)
    )
    agree = torch.einsum("nc,nkc->nk", _normals(laid, target)[onto], _normals(from_vertices, source)[origin][nearest])
    width = distance.mean(1, keepdim=True).clamp_min(1e-6)
    weight = torch.exp(-((distance / width) ** 2)) * (agree > _AGREEMENT)
    weight /= weight.sum(1, keepdim=True).clamp_min(1e-9)
    moved = torch.zeros(len(fields), len(target.template), 3)
    moved[:, onto] = torch.einsum("nk,unkc->unc", weight.float(), fields[:, origin][:, nearest]) * (spread[0] / spread[1])
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
    """Eyes, neck, corners and middle of the lips, tip of the nose, chin, crown, temples: what regions and joints tell."""
    joints = head.joint_regressor @ vertices
    lips, face = vertices[head.vertex_masks["lips"]], vertices[head.vertex_masks["face"]]
    axial = face[face[:, 0].abs() < 0.01]
    mouth_y = lips[:, 1].mean()
    nose = axial[(axial[:, 1] > mouth_y + 0.01) & (axial[:, 1] < joints[3, 1])]
    chin = axial[(axial[:, 1] < lips[:, 1].min()) & (axial[:, 2] > axial[:, 2].max() - 0.04)]
    level = face[(face[:, 1] - joints[3, 1]).abs() < 0.02]
    points = [joints[1], joints[3], joints[4], lips[lips[:, 0].argmax()], lips[lips[:, 0].argmin()], lips.mean(0)]
    points += [nose[nose[:, 2].argmax()], chin[chin[:, 1].argmin()], vertices[vertices[:, 1].argmax()]]
    return torch.stack([*points, level[level[:, 0].argmax()], level[level[:, 0].argmin()]])
