"""Lids and lips: what their skin shows when they close or open further than in the portrait.

Between an open lid and its crease the portrait shows almost no skin; stretched over the eye, those few pixels would make a flat
patch. So the closing lid takes its pixels from the whole of the skin up to the brow, and keeps its lash line. Likewise lips that
part show their red, not the dark line where they met.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import cKDTree

from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.units import UnitBasis
from loki_core.render.warp.face import eye_clearance, faces_of
from loki_core.render.warp.mesh import edge_weights, rigid_motion, smooth_step, spread_values

__all__ = ["Lid", "Lips", "build_lid", "build_lips"]

_UPPER = {"left": (466, 388, 387, 386, 385, 384, 398), "right": (246, 161, 160, 159, 158, 157, 173)}
_LOWER = {"left": (249, 390, 373, 374, 380, 381, 382), "right": (7, 163, 144, 145, 153, 154, 155)}
"""MediaPipe's points along the lids' margins."""
_UPPER_LIP, _LOWER_LIP = (82, 13, 312), (87, 14, 317)
"""MediaPipe's points in the middle of the lips' inner edges."""
_MARGIN = 0.0021
"""Metres from the eyeball up to which skin belongs to the lid's margin, with the lashes."""
_LID_SKIN = 0.013
"""Metres above the margin from which a closing lid takes its skin."""
_OVERLAP = 0.0004
"""Metres that a closed upper lid reaches over the lower one."""
_SEAM = 0.0015
"""Metres beside the line where the lips meet that show no red."""
_PARTED = 0.006
"""Metres that lips part before they show their red alone."""


@dataclass(frozen=True, eq=False)
class Lid:
    """One upper lid. Displacements are those left when the skull's motion is taken out, camera space at the fit."""

    closing: Float[np.ndarray, "V 3"]
    """Displacement from the portrait to a blink."""
    lashes: Int[np.ndarray, "K"]
    """Vertices of the upper margin, by which a blink is recognised."""
    rim: Int[np.ndarray, "R"]
    """Vertices of both margins."""
    rest: Float[np.ndarray, "V 3"]
    """What a full blink of this portrait lacks until the lid meets the lower one."""
    shift: Float[np.ndarray, "V 2"]
    """Change of the skin's places in a full blink, window pixels."""

    def closure(self, displacement: Float[np.ndarray, "V 3"]) -> float:
        """0 as in the portrait, 1 in a blink."""
        full = self.closing[self.lashes]
        return float(np.clip((displacement[self.lashes] * full).sum() / max((full * full).sum(), 1e-12), 0, 1))


@dataclass(frozen=True, eq=False)
class Lips:
    """What parting lips show."""

    upper: Int[np.ndarray, "A"]
    lower: Int[np.ndarray, "B"]
    down: Float[np.ndarray, "3"]
    """Direction from the upper lip to the lower, camera space at the fit."""
    rim: Int[np.ndarray, "R"]
    """All of the lips' vertices."""
    shift: Float[np.ndarray, "V 2"]
    """Change of the skin's places when the lips have parted, window pixels."""

    def parting(self, displacement: Float[np.ndarray, "V 3"]) -> float:
        """0 as in the portrait (or closer), 1 when the lips have parted by `_PARTED` more."""
        apart = (displacement[self.lower].mean(0) - displacement[self.upper].mean(0)) @ self.down
        return float(smooth_step(np.array(apart), 0, _PARTED))


def build_lid(
    head: HeadModel,
    units: UnitBasis,
    params: FlameParams,
    side: Literal["left", "right"],
    vertices: Float[np.ndarray, "V 3"],
    place: Float[np.ndarray, "V 2"],
) -> Lid:
    """The upper lid on one `side` of a head with `vertices` at the fit, whose skin shows `place`."""
    blink = _blinking(head, units, params, side)
    closing = blink - vertices
    shaped = (head.template + head.shape_basis @ params.betas).double().numpy()
    rotation, _ = rigid_motion(shaped, vertices)
    clearance = eye_clearance(head, side)
    moved = np.linalg.norm(closing, axis=1)
    margin = (clearance > 0) & (clearance < _MARGIN)
    lashes = np.flatnonzero(margin & (moved > 0.5 * moved.max()))
    extra = closing * _missing(head, side, shaped, closing @ rotation)[:, None]
    closed = shaped + (closing + extra) @ rotation
    shift = _lid_shift(shaped, closed, place, np.isfinite(clearance) & (clearance >= _MARGIN), lashes)
    return Lid(closing, lashes, np.flatnonzero(margin), extra, shift)


def _lid_shift(
    shaped: Float[np.ndarray, "V 3"],
    closed: Float[np.ndarray, "V 3"],
    place: Float[np.ndarray, "V 2"],
    skin: Bool[np.ndarray, "V"],
    lashes: Int[np.ndarray, "K"],
) -> Float[np.ndarray, "V 2"]:
    """Spread the skin between lashes and brow evenly over the lid when it goes from `shaped` to `closed` (head space)."""
    shift = np.zeros((len(shaped), 2))
    if len(lashes) < 2:
        return shift
    open_edge, shut_edge = _edge(shaped[lashes]), _edge(closed[lashes])
    x, y = shaped[:, 0], shaped[:, 1]
    low, high = x[lashes].min(), x[lashes].max()
    over = skin & (x > low - 0.004) & (x < high + 0.004) & (shaped[:, 2] > shaped[lashes, 2].min() - 0.015)
    over &= (y > open_edge(x) - 0.0005) & (y < open_edge(x) + 2 * _LID_SKIN)
    lid = np.flatnonzero(over & (y < open_edge(x) + _LID_SKIN))
    x, y, top = closed[lid, 0], closed[lid, 1], open_edge(closed[lid, 0]) + _LID_SKIN
    height = (y - shut_edge(x)) / (top - shut_edge(x))
    known = np.concatenate([np.flatnonzero(over), lashes])
    shown = LinearNDInterpolator(shaped[known, :2], place[known])
    wanted = shown(shaped[lid, 0], open_edge(x) + height.clip(0, 1) * _LID_SKIN)
    found = np.isfinite(wanted).all(1)
    shift[lid[found]] = wanted[found] - place[lid[found]]
    return shift


def _edge(points: Float[np.ndarray, "K 3"]) -> Callable[[Float[np.ndarray, "N"]], Float[np.ndarray, "N"]]:
    """Height of a margin over x; level beyond its ends."""
    order = np.argsort(points[:, 0])
    return lambda x: np.interp(x, points[order, 0], points[order, 1])


def build_lips(
    head: HeadModel, vertices: Float[np.ndarray, "V 3"], place: Float[np.ndarray, "V 2"], visible: Bool[np.ndarray, "V"]
) -> Lips:
    """The lips of a head with `vertices` at the fit; `visible` marks those that the portrait shows."""
    surface = head.faces.numpy()[faces_of(head, "skin", "lips")]
    lips = head.vertex_masks["lips"].numpy()
    inner = lips & ~visible
    inside = head.faces.numpy()[faces_of(head, "mouth_cavity")]
    inner |= lips & np.isin(np.arange(len(vertices)), inside)
    free = inner.copy()
    if inner.any():
        free = lips & (cKDTree(vertices[inner]).query(vertices)[0] < _SEAM)
    goal = spread_values(place, ~free, edge_weights(vertices, surface))
    upper, lower = _anchor_vertices(head, _UPPER_LIP), _anchor_vertices(head, _LOWER_LIP)
    rotation, _ = rigid_motion(head.template.numpy(), vertices)
    return Lips(upper, lower, -rotation[:, 1], np.flatnonzero(lips), goal - place)


def _blinking(head: HeadModel, units: UnitBasis, params: FlameParams, side: str) -> Float[np.ndarray, "V 3"]:
    unit = units.expression[ARKIT_UNITS.index(f"eyeBlink{side.capitalize()}")]
    present = float((params.expression @ unit) / (unit @ unit).clamp_min(1e-9))
    shut = replace(params, expression=params.expression + unit * (1 - present))
    return pose_vertices(head, shut).double().numpy()


def _missing(
    head: HeadModel, side: str, shaped: Float[np.ndarray, "V 3"], closing: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, "V"]:
    """Share by which the blink must grow from corner to corner until the margins meet: large eyes need more than the unit gives."""
    upper, travel = _anchor_points(head, _UPPER[side], shaped + closing), _anchor_points(head, _UPPER[side], closing)
    gap = upper[:, 1] - _edge(_anchor_points(head, _LOWER[side], shaped))(upper[:, 0]) + _OVERLAP
    share = (gap / (-travel[:, 1]).clip(1e-3)).clip(0, 2)
    smooth = np.polynomial.Polynomial.fit(upper[:, 0], share, 2)
    return smooth((shaped + closing)[:, 0].clip(upper[:, 0].min(), upper[:, 0].max())).clip(0, 2)


def _anchor_points(head: HeadModel, landmarks: tuple[int, ...], vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "K 3"]:
    assert head.anchors is not None
    corners = head.faces[head.anchors.faces[list(landmarks)]].numpy()
    return (vertices[corners] * head.anchors.barycentrics[list(landmarks)].numpy()[..., None]).sum(1)


def _anchor_vertices(head: HeadModel, landmarks: tuple[int, ...]) -> Int[np.ndarray, "K"]:
    assert head.anchors is not None
    return np.unique(head.faces[head.anchors.faces[list(landmarks)]].numpy())
