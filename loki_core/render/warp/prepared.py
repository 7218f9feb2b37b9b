"""All that is worked out once a portrait."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.raster.camera import Camera, project
from loki_core.raster.rasterize import rasterize
from loki_core.render.base import Portrait
from loki_core.render.warp.face import Face, build_face, faces_of
from loki_core.render.warp.layers import Layers, split_layers
from loki_core.render.warp.sheet import FollowField, Sheet, build_sheet
from loki_core.render.warp.window import Window, clip_of, window_around

__all__ = ["WarpPrepared", "prepare_warp"]


@dataclass(frozen=True, eq=False)
class WarpPrepared:
    image: UInt8[np.ndarray, "H W C"]
    head: HeadModel
    """With the portrait's free-form offsets in its template."""
    window: Window
    camera: Camera
    vertices: Float[np.ndarray, "V 3"]
    rigid: np.ndarray
    layers: Layers
    sheet: Sheet
    face: Face


def prepare_warp(portrait: Portrait, head: HeadModel, *, largest: int = 1024) -> WarpPrepared:
    head = replace(head, template=head.template + torch.from_numpy(portrait.offsets).float())
    posed = pose_vertices(head, portrait.params)
    not_neck = ~head.vertex_masks["neck"]
    window = window_around(portrait.camera, posed[not_neck], largest=largest)
    camera = window.camera(portrait.camera)
    pixels = project(camera, posed)
    seen = rasterize(clip_of(pixels, -posed[:, 2], window.size), head.faces, size=window.size)
    picture = _cut(portrait, window)
    matte = _resized(
        portrait.matte[window.top : window.top + window.height, window.left : window.left + window.width], window.size
    )
    vertices = posed.double().numpy()
    rest = (head.template + head.shape_basis @ portrait.params.betas).double().numpy()
    rigid = np.flatnonzero((head.vertex_masks["scalp"] | head.vertex_masks["ear_left"] | head.vertex_masks["ear_right"]).numpy())
    rotation, origin = rigid_motion(rest[rigid], vertices[rigid])
    face_mask = head.vertex_masks["face"].numpy()
    follow = FollowField(rotation, origin, rest[face_mask, 1].min(), float(vertices[rigid, 2].mean()))
    outside = faces_of(head, "skin", "lips")
    sheet = build_sheet(camera, seen, vertices, head.faces.numpy(), outside, matte, follow)
    face = build_face(head, vertices, pixels.double().numpy(), seen)
    image = portrait.image if portrait.alpha is None else np.dstack([portrait.image, portrait.alpha])
    return WarpPrepared(image, head, window, camera, vertices, rigid, split_layers(picture, matte), sheet, face)


def rigid_motion(points: Float[np.ndarray, "N 3"], moved: Float[np.ndarray, "N 3"]) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and shift that take `points` best onto `moved` (Kabsch 1976)."""
    a, b = points.mean(0), moved.mean(0)
    u, _, vt = np.linalg.svd((moved - b).T @ (points - a))
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    return rotation, b - rotation @ a


def _cut(portrait: Portrait, window: Window) -> Float[np.ndarray, "H W 4"]:
    cut = (slice(window.top, window.top + window.height), slice(window.left, window.left + window.width))
    alpha = np.full(portrait.image.shape[:2], 255, np.uint8) if portrait.alpha is None else portrait.alpha
    share = alpha[cut][..., None].astype(np.float32)
    return _resized(np.concatenate([portrait.image[cut] * (share / 255), share], axis=-1).astype(np.float32), window.size)


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return image if image.shape[:2] == size else cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
