"""One frame: where everything goes, and the drawing of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from loki_core.raster.camera import project
from loki_core.raster.rasterize import interpolate_attributes, rasterize
from loki_core.render.warp.mesh import rigid_motion, smooth_step
from loki_core.render.warp.prepared import WarpPrepared
from loki_core.render.warp.window import Box, clip_of

__all__ = ["draw_frame", "draw_window"]

_FINE = 2
"""Samples a pixel, per direction, around eyes and mouth: their edges are sharp and are looked at most."""
_LID_SHADOW = (0.15, 0.3)
"""How far lids shade an eye, in its radii, and by how much at their edge."""
_STILL = 0.5
"""Pixels of motion over which the portrait's own pixels give way to the drawn ones in eyes and mouth."""
_TORN = 0.03
"""Share of the window: where sheet and mesh show places farther apart than this, one is shown, not a mean of both."""


@dataclass(frozen=True, eq=False)
class _Arrangement:
    """Everything in its place for one frame."""

    nodes: Float[Tensor, "N 2"]
    node_depth: Float[Tensor, "N"]
    drawn: Float[Tensor, "M 2"]
    drawn_depth: Float[Tensor, "M"]
    known: Float[Tensor, "M 3"]
    """Per vertex of the mesh: the atlas' pixel that it shows, and how much of the mesh is shown there."""
    moved: float
    """The largest distance from the portrait, pixels."""


def draw_frame(prepared: WarpPrepared, posed: Float[Tensor, "V 3"]) -> UInt8[np.ndarray, "H W C"]:
    """The portrait with the head's vertices at `posed` (camera space)."""
    window, still = draw_window(prepared, posed)
    if still > 1e-3:
        window += still * prepared.residual
    return _paste(prepared, window)


def draw_window(p: WarpPrepared, posed: Float[Tensor, "V 3"]) -> tuple[Float[np.ndarray, "h w 4"], float]:
    """The window, premultiplied, and how still it is: 1 in the portrait's own pose, 0 when anything has moved by some pixels."""
    arrangement = _arrange(p, posed)
    height, width = p.window.size
    person = _draw(p, arrangement, Box(0, 0, width, height), 1)
    for box in _fine_boxes(p, arrangement):
        fine = _draw(p, arrangement, box, _FINE)
        person[box.rows, box.columns] = cv2.resize(fine, (box.width, box.height), interpolation=cv2.INTER_AREA)
    window = person + (1 - person[..., 3:] / 255) * p.background
    return window, float(np.exp(-((arrangement.moved / _STILL) ** 2)))


def _arrange(p: WarpPrepared, posed: Float[Tensor, "V 3"]) -> _Arrangement:
    vertices = posed.double().numpy()
    rotation, shift = rigid_motion(p.vertices[p.rigid], vertices[p.rigid])
    own = (vertices - shift) @ rotation - p.vertices
    place = p.mask.place.copy()
    skin = place[: len(vertices)]
    for lid in p.lids:
        closure = lid.closure(own)
        own += closure * lid.rest
        skin += closure * lid.shift
    skin += p.lips.parting(own) * p.lips.shift
    vertices = (p.vertices + own) @ rotation.T + shift
    nodes = torch.from_numpy(p.sheet.moved(rotation, shift, own)).float()
    drawn = torch.from_numpy(p.mask.carry @ vertices).float()
    share = np.ones(len(place))
    share[: len(vertices)] = p.skin.shown(rotation, vertices)
    pixels = project(p.camera, drawn)
    return _Arrangement(
        nodes=project(p.camera, nodes),
        node_depth=-nodes[:, 2],
        drawn=pixels,
        drawn_depth=p.mask.behind - drawn[:, 2],
        known=torch.from_numpy(np.concatenate([place, share[:, None]], axis=1)).float(),
        moved=float((pixels - p.mask.pixels).norm(dim=1).max()),
    )


def _fine_boxes(p: WarpPrepared, arrangement: _Arrangement) -> list[Box]:
    """Around each opening, whole pixels inside the window."""
    height, width = p.window.size
    boxes = []
    for vertices in (*(lid.rim for lid in p.lids), p.lips.rim):
        if not len(vertices):
            continue
        pixels = arrangement.drawn[vertices]
        left, top = (pixels.amin(0) - 2).int().tolist()
        right, bottom = (pixels.amax(0) + 3).int().tolist()
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if right > left and bottom > top:
            boxes.append(Box(left, top, right - left, bottom - top))
    return boxes


def _draw(p: WarpPrepared, a: _Arrangement, box: Box, fineness: int) -> Float[np.ndarray, "h w 4"]:
    """The person inside `box`, `fineness` samples a pixel in each direction: sheet below, mesh above."""
    size = (box.height * fineness, box.width * fineness)
    corner, extent = torch.tensor([box.left, box.top]), (box.height, box.width)
    below = rasterize(clip_of(a.nodes - corner, a.node_depth, extent), p.sheet.faces, size=size)
    places = interpolate_attributes(below, p.sheet.faces, p.sheet.pixels).numpy()
    above = rasterize(clip_of(a.drawn - corner, a.drawn_depth, extent), p.mask.faces, size=size)
    known = interpolate_attributes(above, p.mask.faces, a.known).numpy()
    apart, share = known[..., :2] - places, known[..., 2:]
    whole = (apart**2).sum(-1, keepdims=True) > (_TORN * max(p.window.size)) ** 2
    places += np.where(whole, share > 0.5, share) * apart
    person = cv2.remap(p.atlas, places - np.float32(0.5), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if fineness > 1:
        _shade_eyes(person, above.face_index.numpy() >= p.mask.first_eye_face, radius=fineness * p.eye_pixels)
    return person


def _shade_eyes(person: Float[np.ndarray, "h w 4"], eye: Bool[np.ndarray, "h w"], *, radius: float) -> None:
    """Darken eyes towards their lids, in place."""
    if eye.any():
        side = 2 * max(1, round(_LID_SHADOW[0] * radius)) + 1
        share = cv2.blur(eye.astype(np.float32), (side, side))[eye]
        person[eye, :3] *= (1 - _LID_SHADOW[1] * smooth_step(share, 1.0, 0.5))[:, None]


def _paste(p: WarpPrepared, crop: Float[np.ndarray, "h w 4"]) -> UInt8[np.ndarray, "H W C"]:
    """Put the premultiplied window back into the picture."""
    window = p.window
    if p.image.shape[2] == 4:
        crop[..., :3] /= np.maximum(crop[..., 3:] / 255, 1 / 255)
    crop = (crop[..., : p.image.shape[2]] + 0.5).clip(0, 255).astype(np.uint8)
    if window.scale != 1:
        crop = cv2.resize(crop, (window.width, window.height), interpolation=cv2.INTER_CUBIC)
    frame = p.image.copy()
    frame[window.top : window.top + window.height, window.left : window.left + window.width] = crop
    return frame
