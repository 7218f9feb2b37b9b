"""One frame: where everything goes, and the drawing of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import warp as wp
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from loki_core.raster.camera import Camera
from loki_core.raster.device import launch, view
from loki_core.raster.kernels import EMPTY, SUBPIXEL_BITS, depth_test
from loki_core.render.warp.kernels import find_places, lay_over, mark_tears
from loki_core.render.warp.mesh import rigid_motion, smooth_step
from loki_core.render.warp.prepared import WarpPrepared
from loki_core.render.warp.window import Box

__all__ = ["draw_frame", "draw_person"]

_FINE = 2
"""Samples a pixel, per direction, around eyes and mouth: their edges are sharp and are looked at most."""
_LID_SHADOW = (0.15, 0.3)
"""How far lids shade an eye, in its radii, and by how much at their edge."""
_NEARLY_CLOSED = (0.7, 0.95)
"""Closure of a lid over which the last of the eye gives way to the line of the lashes."""
_STILL = 0.5
"""Pixels of motion over which the portrait's own pixels give way to the drawn ones in eyes and mouth."""
_TORN = 0.03
"""Share of the window: where sheet and mesh show places farther apart than this, one is shown, not a mean of both."""
_STEP = 0.01
"""The same between neighbouring pixels: where they show places farther apart, an edge is softened."""
_FARTHEST = 2.0**20
"""Pixels beyond which a vertex is not drawn."""
_CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class _Flat:
    """A mesh as it lies in the picture."""

    pixels: Float[np.ndarray, "M 2"]
    depth: Float[np.ndarray, "M"]
    faces: Int[Tensor, "F 3"]
    known: Float[np.ndarray, "M 3"]
    """The atlas' pixel that each vertex shows, and how much of the mesh is shown there."""


@dataclass(frozen=True, eq=False)
class _Arrangement:
    """Everything in its place for one frame."""

    sheet: _Flat
    mask: _Flat
    still: float
    """1 in the portrait's own pose, 0 when anything has moved by some pixels."""
    closures: tuple[float, ...]
    """How far each lid is closed, 0 to 1."""


def draw_frame(prepared: WarpPrepared, posed: Float[Tensor, "V 3"]) -> UInt8[np.ndarray, "H W C"]:
    """The portrait with the head's vertices at `posed` (camera space)."""
    person, still = draw_person(prepared, posed)
    return _compose(prepared, person, still)


def draw_person(p: WarpPrepared, posed: Float[Tensor, "V 3"]) -> tuple[Float[np.ndarray, "h w 4"], float]:
    """The person alone in the window, and how `still` the pose is: 1 in the portrait's own."""
    arrangement = _arrange(p, posed)
    height, width = p.window.size
    person = _draw(p, arrangement, Box(0, 0, width, height), 1)
    for lid, box in _fine_boxes(p, arrangement):
        fine = _draw(p, arrangement, box, _FINE, None if lid is None else (p.lids[lid].seam, arrangement.closures[lid]))
        person[box.rows, box.columns] = cv2.resize(fine, (box.width, box.height), interpolation=cv2.INTER_AREA)
    return person, arrangement.still


def _arrange(p: WarpPrepared, posed: Float[Tensor, "V 3"]) -> _Arrangement:
    vertices = posed.double().numpy()
    if not np.isfinite(vertices).all():
        raise ValueError("expected finite coefficients, got NaN or infinity; check the motion")
    rotation, shift = rigid_motion(p.vertices[p.rigid], vertices[p.rigid])
    own = (vertices - shift) @ rotation - p.vertices
    place = p.mask.place.copy()
    skin = place[: p.mask.finer.shape[0]]
    closures = tuple(lid.closure(own) for lid in p.lids)
    for lid, closure in zip(p.lids, closures, strict=True):
        own += closure * lid.rest
        skin += closure * lid.shift
    skin[: len(vertices)] += p.lips.parting(own) * p.lips.shift
    vertices = (p.vertices + own) @ rotation.T + shift
    nodes, drawn = p.sheet.moved(rotation, shift, own), p.mask.carry @ vertices
    share = np.ones(len(place))
    share[: len(skin)] = p.mask.finer @ p.skin.shown(rotation, vertices)
    pixels = _project(p.camera, drawn)
    sheet_known = np.pad(p.sheet.pixels, ((0, 0), (0, 1)))
    moved = np.linalg.norm(pixels - p.mask.pixels, axis=1).max()
    return _Arrangement(
        _Flat(_project(p.camera, nodes), -nodes[:, 2], p.sheet.faces, sheet_known),
        _Flat(pixels, p.mask.behind - drawn[:, 2], p.mask.faces, np.column_stack([place, share])),
        float(np.exp(-((moved / _STILL) ** 2))),
        closures,
    )


def _project(camera: Camera, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 2"]:
    """`raster.camera.project` for arrays."""
    return np.stack(
        [camera.cx - camera.focal * points[:, 0] / points[:, 2], camera.cy + camera.focal * points[:, 1] / points[:, 2]], axis=1
    )


def _fine_boxes(p: WarpPrepared, arrangement: _Arrangement) -> list[tuple[int | None, Box]]:
    """Around each opening, whole pixels inside the window; with the number of the lid, None for the mouth."""
    height, width = p.window.size
    boxes = []
    for lid, vertices in (*enumerate(lid.rim for lid in p.lids), (None, p.lips.rim)):
        if not len(vertices):
            continue
        pixels = arrangement.mask.pixels[vertices].clip(-_FARTHEST, _FARTHEST)
        left, top = np.maximum(np.floor(pixels.min(0)) - 2, 0).astype(int)
        right, bottom = np.minimum(np.ceil(pixels.max(0)) + 2, [width, height]).astype(int)
        if right > left and bottom > top:
            boxes.append((lid, Box(int(left), int(top), int(right - left), int(bottom - top))))
    return boxes


def _draw(
    p: WarpPrepared,
    a: _Arrangement,
    box: Box,
    fineness: int,
    lid: tuple[Float[np.ndarray, "4"], float] | None = None,
) -> Float[np.ndarray, "h w 4"]:
    """The person inside `box`, `fineness` samples a pixel in each direction: sheet below, mesh above. `lid`: the colour of its
    seam and how far it is closed, for a box around an eye."""
    size = (box.height * fineness, box.width * fineness)
    places, eye = torch.empty((*size, 2)), torch.empty(size, dtype=torch.uint8)
    launch(
        find_places, (size[0],),
        *_depth_keys(a.sheet, box, fineness), *_depth_keys(a.mask, box, fineness),
        _TORN * max(p.window.size), p.mask.first_eye_face, view(places, wp.vec2), view(eye, wp.uint8),
        device=_CPU,
    )  # fmt: skip
    person = cv2.remap(p.atlas, places.numpy(), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if fineness > 1:
        _shade_eyes(person, eye.numpy() > 0, radius=fineness * p.eye_pixels)
    else:
        _soften_tears(person, places, _STEP * max(p.window.size))
    if lid is not None:
        _close_eye(p, person, eye.numpy() > 0, places.numpy(), *lid)
    return person


def _soften_tears(person: Float[np.ndarray, "h w 4"], places: Float[Tensor, "h w 2"], torn: float) -> None:
    """Blur the one-pixel steps where one part passes before another, in place."""
    marks = torch.empty(places.shape[:2], dtype=torch.uint8)
    launch(mark_tears, (len(places),), view(places, wp.vec2), torn, view(marks, wp.uint8), device=_CPU)
    edge = cv2.dilate(marks.numpy(), np.ones((2, 2), np.uint8), anchor=(1, 1)) > 0
    person[edge] = cv2.GaussianBlur(person, (3, 3), 0)[edge]


def _depth_keys(flat: _Flat, box: Box, fineness: int) -> tuple[Any, ...]:
    """Z-buffer a mesh inside a box: the nearest faces' keys, then the mesh itself, as `find_places` wants them."""
    keys = torch.full((1, box.height * fineness, box.width * fineness), EMPTY, dtype=torch.int64)
    pixels = (flat.pixels - [box.left, box.top]) * fineness
    usable = (flat.depth > 0) & (np.abs(pixels) < _FARTHEST).all(1)
    snapped = np.round(np.where(usable[:, None], pixels, 0) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    xy, faces, stored = view(torch.from_numpy(snapped)[None], wp.vec2i), view(flat.faces, wp.vec3i), view(keys, wp.int64)
    depth, drawn = torch.from_numpy(flat.depth[None].astype(np.float32)), torch.from_numpy(usable[None])
    launch(
        depth_test, (1, len(flat.faces)),
        xy, view(depth, wp.float32), view(drawn, wp.bool), faces, True, 0, stored,
        device=_CPU,
    )  # fmt: skip
    return stored, xy, faces, view(torch.from_numpy(flat.known.astype(np.float32)), wp.vec3)


def _shade_eyes(person: Float[np.ndarray, "h w 4"], eye: Bool[np.ndarray, "h w"], *, radius: float) -> None:
    """Darken eyes towards their lids, in place."""
    if eye.any():
        side = 2 * max(1, round(_LID_SHADOW[0] * radius)) + 1
        share = cv2.blur(eye.astype(np.float32), (side, side))[eye]
        person[eye, :3] *= (1 - _LID_SHADOW[1] * smooth_step(share, 1.0, 0.5))[:, None]


def _close_eye(
    p: WarpPrepared,
    person: Float[np.ndarray, "h w 4"],
    eye: Bool[np.ndarray, "h w"],
    places: Float[np.ndarray, "h w 2"],
    seam: Float[np.ndarray, "4"],
    closure: float,
) -> None:
    """Hide what a nearly closed lid leaves of the eye, in place: the eyeball under the colour of the line where lids meet, what
    skin and sheet show of the portrait's eye under skin."""
    share = float(smooth_step(closure, *_NEARLY_CLOSED))
    if share > 0:
        painted = cv2.remap(p.eyes, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) * share
        skin = cv2.remap(p.eyeless, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        person += painted[..., None] * (skin - person)
        person[eye] += share * (seam - person[eye])


def _compose(p: WarpPrepared, person: Float[np.ndarray, "h w 4"], still: float) -> UInt8[np.ndarray, "H W C"]:
    """Lay the person over the background and put the window back into the picture."""
    window, (height, width) = p.window, p.window.size
    frame = p.image.copy()
    target, left, top = frame, window.left, window.top
    if window.scale != 1:
        target, left, top = np.empty((height, width, frame.shape[2]), np.uint8), 0, 0
    launch(
        lay_over, (height,),
        *(view(torch.from_numpy(layer), wp.vec4) for layer in (person, p.background, p.residual)),
        still, left, top, view(torch.from_numpy(target), wp.uint8),
        device=_CPU,
    )  # fmt: skip
    if window.scale != 1:
        enlarged = cv2.resize(target, (window.width, window.height), interpolation=cv2.INTER_CUBIC)
        frame[window.top : window.top + window.height, window.left : window.left + window.width] = enlarged
    return frame
