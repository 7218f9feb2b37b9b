"""The `warp` renderer: the portrait's own pixels on the fitted head mesh, re-posed. Needs no weights and no GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, project
from loki_core.raster.rasterize import interpolate_attributes, rasterize
from loki_core.render.base import Cancelled, Portrait, Progress
from loki_core.render.warp.prepared import WarpPrepared, prepare_warp, rigid_motion
from loki_core.render.warp.window import clip_of

__all__ = ["WarpRenderer", "render_frame", "shrink_portrait"]

_CHUNK = 16
"""Frames that are posed at once."""


class WarpRenderer:
    """Re-poses a portrait by moving its pixels with the head mesh. Keeps no state between calls."""

    name = "warp"

    def __init__(self, head: HeadModel) -> None:
        """`head`: the one that portraits were fitted with."""
        self._head = head

    def prepare(self, portrait: Portrait) -> WarpPrepared:
        """Work out, once a portrait, all that its frames share."""
        return prepare_warp(portrait, self._head)

    def render(
        self,
        prepared: WarpPrepared,
        frames: FlameParams,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "H W C"]]:
        """One image a frame of the batch (shape (T,)), in order, at the portrait's size; RGBA for a portrait with alpha."""
        total = frames.batch_shape[0]
        for start in range(0, total, _CHUNK):
            posed = pose_vertices(prepared.head, frames[start : start + _CHUNK])
            for offset, vertices in enumerate(posed):
                if cancelled is not None and cancelled():
                    raise Cancelled
                yield _frame(prepared, vertices)
                if progress is not None:
                    progress(start + offset + 1, total)


def render_frame(prepared: WarpPrepared, params: FlameParams) -> UInt8[np.ndarray, "H W C"]:
    """One frame, for coefficients of batch shape (). A live preview prepares a portrait made smaller by `shrink_portrait`."""
    return _frame(prepared, pose_vertices(prepared.head, params))


def shrink_portrait(portrait: Portrait, size: int) -> Portrait:
    """The same portrait with its larger side at most `size` pixels."""
    camera = portrait.camera
    scale = min(1.0, size / max(camera.width, camera.height))
    width, height = max(1, round(camera.width * scale)), max(1, round(camera.height * scale))
    x, y = width / camera.width, height / camera.height

    def small(image: np.ndarray) -> np.ndarray:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)

    return replace(
        portrait,
        image=small(portrait.image),
        alpha=None if portrait.alpha is None else small(portrait.alpha),
        matte=small(portrait.matte),
        camera=Camera(camera.focal * (x + y) / 2, camera.cx * x, camera.cy * y, width, height),
        landmarks=portrait.landmarks * [x, y],
    )


def _frame(p: WarpPrepared, posed: torch.Tensor) -> UInt8[np.ndarray, "H W C"]:
    vertices = posed.double().numpy()
    rotation, shift = rigid_motion(p.vertices[p.rigid], vertices[p.rigid])
    nodes = torch.from_numpy(p.sheet.moved(rotation, shift, (vertices - shift) @ rotation - p.vertices)).float()
    size = p.window.size
    behind = rasterize(clip_of(project(p.camera, nodes), -nodes[:, 2], size), p.sheet.faces, size=size)
    places = interpolate_attributes(behind, p.sheet.faces, torch.from_numpy(p.sheet.pixels).float()).numpy()
    front = rasterize(clip_of(project(p.camera, posed), -posed[:, 2], size), p.face.faces, size=size)
    known = np.concatenate([p.face.place, p.face.share(rotation, vertices)[:, None]], axis=1)
    on_face = interpolate_attributes(front, p.face.faces, torch.from_numpy(known).float()).numpy()
    places += on_face[..., 2:] * (on_face[..., :2] - places)
    person = cv2.remap(p.layers.person, places - np.float32(0.5), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _paste(p, person + (1 - person[..., 3:] / 255) * p.layers.background)


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
