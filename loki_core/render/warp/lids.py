"""Closing lids.

Between an open lid and its crease the portrait shows almost no skin; stretched over the eye, those few pixels would make a flat
patch. So the closing lid takes its pixels from the whole of the skin up to the brow, and keeps its lash line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix

from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.units import UnitBasis
from loki_core.raster.camera import Camera, project
from loki_core.render.warp.eye_view import CORNERS, LEVEL_WIDTH, Level, Outline, eye_pixels
from loki_core.render.warp.face import eye_clearance, eye_opening
from loki_core.render.warp.mesh import landmark_points, nearest_of, rigid_motion, smooth_step

__all__ = ["Lid", "build_lid"]

_MARGIN = 0.0021
"""Metres from the eyeball up to which skin belongs to the lid's margin, with the lashes."""
_LID_SKIN = 0.013
"""Metres above the margin from which a closing lid takes its skin, unless the brow is near."""
_BELOW_BROW = 0.7
"""Share of the way to the brow that is taken at most."""
_BROW = {"left": (283, 282, 295), "right": (53, 52, 65)}
"""MediaPipe's points along the lower edge of the brows."""
_LASHES = 0.0025
"""Metres above and below the slit's edge in which lashes or a drawn line are searched."""
_LASH_COLUMNS, _LASH_STEP = 40, 0.0002
"""Columns, and metres between rows, in which they are."""
_LASH_END = 0.6
"""Share of the way from the lashes' darkness to the skin's brightness at which they end."""
_LASH_CONTRAST = 0.12
"""Share of the skin's brightness by which lashes are darker, or there are none to be seen."""
_EDGE = 0.0008
"""Metres above the slit that a closed lid without lashes shows at its lowest."""
_FORWARD = 0.0015
"""Metres that a closed upper lid lies before the lower one."""
_BESIDE = 0.002
"""Metres beyond the corners of an eye over which its lid ends."""
_RIM = 0.0015
"""Metres below and above the upper edge that belong to the lid's rim."""
_BEYOND = 4
"""Pixels of the level view around an eye that still show something of it."""
_FEWEST = 6
"""Vertices without which there is no lid to close."""
_COLUMN = 0.0001
"""Metres between the columns in which the slit between the lids is measured."""
_FIELD = 0.03
"""Metres to either side of an eye's middle that are looked at."""
_OVERLAP = 0.09
"""Share of the slit's height by which a closed upper lid reaches over the lower one."""
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
    shift: Float[np.ndarray, "W 2"]
    """Change of the places of the skin, refined around the eyes, in a full blink; window pixels."""
    seam: Float[np.ndarray, "4"]
    """Colour of the line where the lids meet, premultiplied RGBA."""
    eye: Bool[np.ndarray, "h w"]
    """Pixels of the window in which the portrait shows the eye."""

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
    finer: csr_matrix,
    camera: Camera,
    picture: Float[np.ndarray, "H W 4"],
    landmarks: Float[np.ndarray, "L 2"],
) -> Lid:
    """The upper lid on one `side` of `head`, which for the portrait was `fitted` and has `vertices` whose skin shows
    `place` of the `picture`, or none of it where it is not `visible`. `landmarks` in pixels of the `picture`;
    `finer`: weights that make a refined mesh's vertices of the head's."""
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
    rest, shift, seam = np.zeros_like(vertices), np.zeros((finer.shape[0], 2)), np.median(picture.reshape(-1, 4), axis=0)
    eye = np.zeros(picture.shape[:2], dtype=bool)
    pixels = project(camera, torch.from_numpy(vertices)).numpy()
    view = _view_eye(head, side, pixels, vertices, camera, picture, landmarks)
    if visible[lid].sum() >= _FEWEST and view is not None:
        rest[lid] = _missing(shaped[lid], blink[lid], slit)
        line = _see_lashes(view, slit.reach)
        open_, closed = finer @ shaped, finer @ (blink + rest)
        skin = finer @ np.isfinite(clearance).astype(float) > 1 - 1e-6
        fine = np.flatnonzero(skin & slit.carries(open_, reach=slit.reach, beside=_BESIDE))
        goal = _lid_places(open_[fine], closed[fine], (finer @ pixels)[fine], slit, view, line)
        shift += _off_the_eye(finer @ place, view)
        shift[fine] = (goal - (finer @ place)[fine]) * slit.inside(open_[fine, 0], _BESIDE)[:, None]
        seam, eye = line.colour, view.level.uncut(view.eye, (len(eye), eye.shape[1]))
    return Lid(closing, lashes, np.flatnonzero(rim), rest @ rotation.T, shift, seam, eye)


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


def _view_eye(
    head: HeadModel,
    side: str,
    pixels: Float[np.ndarray, "V 2"],
    vertices: Float[np.ndarray, "V 3"],
    camera: Camera,
    picture: Float[np.ndarray, "H W 4"],
    landmarks: Float[np.ndarray, "L 2"],
) -> _View | None:
    """None where too little of the eye is seen."""
    level = Level.on(landmarks[list(CORNERS[side])])
    if level is None:
        return None
    opening = eye_opening(head, side, level.points(pixels), -vertices[:, 2], level.size[::-1])
    if opening.any(0).sum() < LEVEL_WIDTH / 3:
        return None
    depth = -vertices[head.vertex_masks[f"eye_{side}"].numpy(), 2].mean()
    enlarged = float(np.sqrt(np.linalg.det(level.turn)))
    eye = eye_pixels(level, picture[..., :3].clip(0, 255).astype(np.uint8), landmarks, side)
    return _View(level, level.cut(picture.astype(np.float32)), Outline.of(opening), enlarged * camera.focal / depth, eye)


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
    over = _OVERLAP * float((slit.upper - slit.lower).max())
    gap = slit.top(x) + drop - slit.bottom(blink[:, 0]) + over
    share = smooth_step(above, slit.reach, 0) * slit.inside(shaped[:, 0], _BESIDE)
    return share[:, None] * np.stack([np.zeros_like(gap), -gap, np.full_like(gap, _FORWARD)], axis=1)


@dataclass(frozen=True, eq=False)
class _View:
    """The picture around one eye, level; heights are rows above the upper edge of its opening."""

    level: Level
    picture: Float[np.ndarray, "h w 4"]
    outline: Outline
    rows_per_metre: float
    eye: Bool[np.ndarray, "h w"]
    """Where the picture shows the eye."""

    def along(self, points: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N"]:
        """0 at the left corner of the opening, 1 at its right."""
        return ((points[:, 0] - self.outline.left) / (self.outline.right - self.outline.left)).clip(0, 1)

    def above(self, points: Float[np.ndarray, "N 2"], height: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N 2"]:
        """Points of the view at a `height` over the edge, in the columns of `points`."""
        return np.stack([points[:, 0], self.outline.edges(self.along(points))[0] - height], axis=1)


@dataclass(frozen=True, eq=False)
class _Lashes:
    """The dark line above an eye, lashes or drawn, as the portrait shows it; rows of the view."""

    end: float
    """Height at which the bare skin begins."""
    thickness: float
    colour: Float[np.ndarray, "4"]


def _see_lashes(view: _View, reach: float) -> _Lashes:
    """Find the lashes between the edge of the opening and `reach`, metres above it."""
    heights = np.arange(-_LASHES, reach, _LASH_STEP) * view.rows_per_metre
    x = np.linspace(view.outline.left, view.outline.right, _LASH_COLUMNS + 2)[1:-1]
    columns = np.stack([x, np.zeros_like(x)], axis=1)
    at = np.stack([view.above(columns, np.full_like(x, h)) for h in heights]).astype(np.float32)
    seen = cv2.remap(view.picture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    profile = np.median(seen, axis=1)
    light, near = profile[:, :3].mean(-1), np.abs(heights) < _LASHES * view.rows_per_metre
    darkest, skin = int(light[near].argmin()), float(np.median(light[~near]))
    bright = np.flatnonzero(light[darkest:] > light[darkest] + _LASH_END * (skin - light[darkest]))
    if light[darkest] > (1 - _LASH_CONTRAST) * skin or not len(bright):
        return _Lashes(_EDGE * view.rows_per_metre, 0.0, profile[darkest])
    end = float(heights[darkest + bright[0]])
    return _Lashes(end, end - float(heights[darkest]), profile[darkest])


def _lid_places(
    shaped: Float[np.ndarray, "N 3"],
    closed: Float[np.ndarray, "N 3"],
    pixels: Float[np.ndarray, "N 2"],
    slit: _Slit,
    view: _View,
    lashes: _Lashes,
) -> Float[np.ndarray, "N 2"]:
    """What a closed lid shows, window pixels: the skin between lashes and brow evenly spread, above a line of lashes as thick
    as it was. `pixels`: where the open lid lies."""
    at = closed[:, 0]
    height = (closed[:, 1] - slit.bottom(at)) * view.rows_per_metre
    whole = (slit.top(at) + slit.reach - slit.bottom(at)) * view.rows_per_metre
    reach = slit.reach * view.rows_per_metre
    stretch = (reach - lashes.end) / (whole - lashes.thickness).clip(1e-4)
    above = lashes.end + (height - lashes.thickness) * stretch
    return view.level.pixels(view.above(view.level.points(pixels), above.clip(-_LASHES * view.rows_per_metre, reach)))


def _off_the_eye(place: Float[np.ndarray, "W 2"], view: _View) -> Float[np.ndarray, "W 2"]:
    """What takes skin that shows a piece of the eye, since mesh and picture never agree quite, to the nearest that does not."""
    side = 2 * _BEYOND + 1
    eye = cv2.dilate(view.eye.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    points = view.level.points(place)
    column, row = np.floor(points).astype(int).clip(0, [eye.shape[1] - 1, eye.shape[0] - 1]).T
    on = ((points >= 0) & (points < eye.shape[::-1])).all(1) & eye[row, column]
    change = np.zeros_like(place)
    if on.any() and not eye.all():
        down, across = nearest_of(~eye)[:, row[on], column[on]]
        change[on] = view.level.back(np.stack([across, down], axis=1) + 0.5 - points[on])
    return change


def _blinking(head: HeadModel, units: UnitBasis, params: FlameParams, side: str) -> Float[np.ndarray, "V 3"]:
    unit = units.expression[ARKIT_UNITS.index(f"eyeBlink{side.capitalize()}")]
    present = float((params.expression @ unit) / (unit @ unit).clamp_min(1e-9))
    shut = replace(params, expression=params.expression + unit * (1 - present))
    return pose_vertices(head, shut).double().numpy()
