"""Closing lids.

Between an open lid and its crease the portrait shows almost no skin; stretched over the eye, those few pixels would make a flat
patch. So the closing lid takes its pixels from the whole of the skin up to the brow, and keeps its lash line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.units import UnitBasis
from loki_core.render.warp.face import eye_clearance, eye_opening
from loki_core.render.warp.mesh import landmark_points, rigid_motion, smooth_step

__all__ = ["CORNERS", "LOWER_LID", "UPPER_LID", "Lid", "build_lid"]

UPPER_LID = {"left": (466, 388, 387, 386, 385, 384, 398), "right": (246, 161, 160, 159, 158, 157, 173)}
LOWER_LID = {"left": (249, 390, 373, 374, 380, 381, 382), "right": (7, 163, 144, 145, 153, 154, 155)}
"""MediaPipe's points along the lids' margins."""
CORNERS = {"left": (263, 362), "right": (33, 133)}
_MARGIN = 0.0021
"""Metres from the eyeball up to which skin belongs to the lid's margin, with the lashes."""
_LID_SKIN = 0.013
"""Metres above the margin from which a closing lid takes its skin, unless the brow is near."""
_BELOW_BROW = 0.7
"""Share of the way to the brow that is taken at most."""
_BROW = {"left": (283, 282, 295), "right": (53, 52, 65)}
"""MediaPipe's points along the lower edge of the brows."""
_LASHES = 0.002
"""Metres above the margin that are not stretched: lashes stay as thin as they are."""
_EDGE = 0.0008
"""Metres above the margin that a closed lid shows at its lowest."""
_FORWARD = 0.0015
"""Metres that a closed upper lid lies before the lower one."""
_BESIDE = 0.002
"""Metres beyond the corners of an eye over which its lid ends."""
_RIM = 0.0015
"""Metres below and above the upper edge that belong to the lid's rim."""
_FEWEST = 6
"""Vertices without which there is no lid to close."""
_COLUMN = 0.0001
"""Metres between the columns in which the slit between the lids is measured."""
_FIELD = 0.03
"""Metres to either side of an eye's middle that are looked at."""
_OVERLAP = 0.0003
"""Metres that a closed upper lid reaches over the lower one."""
_BEHIND = 0.02
"""Metres behind the eye's foremost point from which nothing belongs to the lid."""


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


def build_lid(
    head: HeadModel,
    fitted: HeadModel,
    units: UnitBasis,
    params: FlameParams,
    side: Literal["left", "right"],
    vertices: Float[np.ndarray, "V 3"],
    place: Float[np.ndarray, "V 2"],
    visible: Bool[np.ndarray, "V"],
) -> Lid:
    """The upper lid on one `side` of `head`, which for the portrait was `fitted` and has `vertices` whose skin shows
    `place`, or none of the portrait where it is not `visible`."""
    blink = _blinking(fitted, units, params, side)
    closing = blink - vertices
    shaped = (fitted.template + fitted.shape_basis @ params.betas).double().numpy()
    rotation, _ = rigid_motion(shaped, vertices)
    clearance = eye_clearance(head, side)
    moved = np.linalg.norm(closing, axis=1)
    rim = (clearance > 0) & (clearance < _MARGIN)
    lashes = np.flatnonzero(rim & (moved > 0.5 * moved.max()))
    brow = landmark_points(head, _BROW[side], shaped)[:, 1].mean()
    slit = _see_slit(head, side, shaped, float(brow))
    lid = np.flatnonzero(np.isfinite(clearance) & slit.carries(shaped, reach=slit.reach, beside=_BESIDE))
    blink = shaped + closing @ rotation
    rest, shift = np.zeros_like(vertices), np.zeros_like(place)
    if visible[lid].sum() >= _FEWEST:
        rest[lid] = _missing(shaped[lid], blink[lid], slit)
        source = np.flatnonzero(np.isfinite(clearance) & visible & slit.carries(shaped, reach=2 * slit.reach, beside=2 * _BESIDE))
        shift[lid] = _lid_places(shaped[lid], (blink + rest)[lid], shaped[source, :2], place[source], slit) - place[lid]
        shift[lid] *= slit.inside(shaped[lid, 0], _BESIDE)[:, None]
    return Lid(closing, lashes, np.flatnonzero(rim), rest @ rotation.T, shift)


@dataclass(frozen=True, eq=False)
class _Slit:
    """What is seen of an eye from the front, head space: one column every `_COLUMN` metres."""

    x: Float[np.ndarray, "C"]
    upper: Float[np.ndarray, "C"]
    lower: Float[np.ndarray, "C"]
    """Heights of its edges."""
    front: float
    """z of the eye's foremost point."""
    reach: float
    """Metres above it from which a closing lid takes its skin."""

    def top(self, x: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
        return np.interp(x, self.x, self.upper)

    def bottom(self, x: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
        return np.interp(x, self.x, self.lower)

    def inside(self, x: Float[np.ndarray, "N"], beside: float) -> Float[np.ndarray, "N"]:
        """1 between its corners, 0 at `beside` metres from them."""
        return smooth_step(np.maximum(self.x[0] - x, x - self.x[-1]), beside, 0)

    def carries(self, points: Float[np.ndarray, "N 3"], *, reach: float, beside: float) -> Bool[np.ndarray, "N"]:
        """Points on the front, from its upper edge to `reach` metres above and `beside` metres aside."""
        above = points[:, 1] - self.top(points[:, 0])
        front = points[:, 2] > self.front - _BEHIND
        return front & (above > -_RIM) & (above < reach) & (self.inside(points[:, 0], beside) > 0)


def _see_slit(head: HeadModel, side: str, points: Float[np.ndarray, "V 3"], brow: float) -> _Slit:
    """Look straight at the eye of a head with vertices at `points` (head space) and a `brow` of that height."""
    ball = points[head.vertex_masks[f"eye_{side}"].numpy()]
    centre, front = ball.mean(0), float(ball[:, 2].max())
    count = int(2 * _FIELD / _COLUMN)
    pixels = (points[:, :2] - centre[:2]) * [1, -1] / _COLUMN + count / 2
    eye = eye_opening(head, side, pixels, front - points[:, 2], (count, count))
    columns = np.flatnonzero(eye.any(0))
    if not len(columns):
        return _Slit(centre[:1], centre[1:2], centre[1:2], front, 0)
    heights = centre[1] + (count / 2 - np.arange(count + 1)) * _COLUMN
    upper, lower = heights[eye.argmax(0)[columns]], heights[count - eye[::-1].argmax(0)[columns]]
    reach = float(np.clip(_BELOW_BROW * (brow - upper.max()), 0.003, _LID_SKIN))
    return _Slit(centre[0] + (columns + 0.5 - count / 2) * _COLUMN, upper, lower, front, reach)


def _missing(shaped: Float[np.ndarray, "N 3"], blink: Float[np.ndarray, "N 3"], slit: _Slit) -> Float[np.ndarray, "N 3"]:
    """What takes the upper margin of a `blink` onto the lower one (head space), less and less towards the brow."""
    above = shaped[:, 1] - slit.top(shaped[:, 0])
    edge = np.abs(above) < _RIM
    if edge.sum() < _FEWEST:
        return np.zeros_like(shaped)
    travel = np.polynomial.Polynomial.fit(shaped[edge, 0], (blink - shaped)[edge, 1], 3)
    x = shaped[:, 0]
    smooth = travel(x.clip(x[edge].min(), x[edge].max()))
    own = smooth_step(above, 2 * _RIM, _RIM)
    drop = smooth + own * ((blink - shaped)[:, 1] - smooth)
    gap = slit.top(x) + drop - slit.bottom(blink[:, 0]) + _OVERLAP
    share = smooth_step(above, slit.reach, 0) * slit.inside(shaped[:, 0], _BESIDE)
    return share[:, None] * np.stack([np.zeros_like(gap), -gap, np.full_like(gap, _FORWARD)], axis=1)


def _lid_places(
    shaped: Float[np.ndarray, "N 3"],
    closed: Float[np.ndarray, "N 3"],
    source: Float[np.ndarray, "M 2"],
    place: Float[np.ndarray, "M 2"],
    slit: _Slit,
) -> Float[np.ndarray, "N 2"]:
    """What a closed lid shows: the skin between lashes and brow evenly spread, the lashes as wide as they are.

    `place`: what the portrait shows at the points `source` of the open lid.
    """
    x, at = shaped[:, 0], closed[:, 0]
    height, whole = closed[:, 1] - slit.bottom(at), slit.top(at) + slit.reach - slit.bottom(at)
    stretched = _LASHES + (height - _LASHES) * (slit.reach - _LASHES) / (whole - _LASHES)
    above = np.where(height < _LASHES, height, stretched).clip(_EDGE, slit.reach)
    goal = np.stack([x, slit.top(x) + above], axis=1)
    shown = LinearNDInterpolator(source, place)(goal)
    return np.where(np.isfinite(shown), shown, NearestNDInterpolator(source, place)(goal))


def _blinking(head: HeadModel, units: UnitBasis, params: FlameParams, side: str) -> Float[np.ndarray, "V 3"]:
    unit = units.expression[ARKIT_UNITS.index(f"eyeBlink{side.capitalize()}")]
    present = float((params.expression @ unit) / (unit @ unit).clamp_min(1e-9))
    shut = replace(params, expression=params.expression + unit * (1 - present))
    return pose_vertices(head, shut).double().numpy()
