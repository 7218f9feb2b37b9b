"""From a fitted portrait to everything that its frames share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix, vstack
from torch import Tensor

from loki_core.head.embedded import embedded_head
from loki_core.head.model import PART_NAMES, HeadModel, pose_vertices
from loki_core.head.units import unit_basis
from loki_core.raster.camera import Camera, project
from loki_core.raster.rasterize import RasterBuffers, rasterize
from loki_core.render.base import Portrait
from loki_core.render.warp.aperture import fit_apertures
from loki_core.render.warp.eyes import build_eye
from loki_core.render.warp.face import Skin, build_skin, faces_of, skin_faces
from loki_core.render.warp.frame import draw_person
from loki_core.render.warp.layers import fill_smoothly, split_layers
from loki_core.render.warp.lids import build_lid
from loki_core.render.warp.lips import build_lips
from loki_core.render.warp.mesh import rigid_motion
from loki_core.render.warp.mouth import INSIDE, build_mouth, fit_teeth
from loki_core.render.warp.palette import read_palette
from loki_core.render.warp.prepared import Mask, WarpPrepared
from loki_core.render.warp.refine import refine_faces
from loki_core.render.warp.sheet import MARGIN, FollowField, Sheet, build_sheet
from loki_core.render.warp.surface import Surface, pack_pictures
from loki_core.render.warp.window import Window, clip_of, window_around

__all__ = ["prepare_warp"]

_BEHIND = 0.003
"""Metres by which eyes and mouth are set back behind the skin."""
_EYES_BEHIND = 0.006
"""The same for enlarged eyeballs."""
_EYE_RIM = 0.12
"""Radii of an eyeball around an eye: lashes and shadows that skin in its place is not made of."""
_LID_EDGE = 0.0012
"""Metres of the longest edge on a lid."""
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


def prepare_warp(portrait: Portrait, head: HeadModel, *, largest: int = 2048) -> WarpPrepared:
    """Prepare a portrait that was fitted with `head`. The window is worked on at up to `largest` pixels a side, else shrunk."""
    fitted = replace(head, template=head.template + torch.from_numpy(portrait.offsets).float())
    posed = pose_vertices(fitted, portrait.params)
    window = window_around(portrait.camera, posed[~head.vertex_masks["neck"]], largest=largest)
    camera = window.camera(portrait.camera)
    picture = _cut(portrait, window)
    landmarks = (portrait.landmarks - [window.left, window.top]) * window.scale
    fitted = fit_apertures(head, fitted, posed.double().numpy(), camera, picture[..., :3].astype(np.uint8), landmarks)
    posed = pose_vertices(fitted, portrait.params)
    seen = _see(head, posed, camera, window)
    opening = _shown(head, seen, INSIDE)
    palette = read_palette(
        picture,
        skin=_shown(head, seen, ("skin",)),
        lips=_shown(head, seen, ("lips",)),
        eyes=_shown(head, seen, ("eye_left", "eye_right")),
        mouth=opening,
    )
    fitted = fit_teeth(fitted, posed.double().numpy(), camera, opening, picture, palette)
    posed = pose_vertices(fitted, portrait.params)
    vertices, pixels = posed.double().numpy(), project(camera, posed).double().numpy()
    matte = _resized(portrait.matte[_rows(window), _columns(window)], window.size)
    layers = split_layers(picture, matte)
    skin = build_skin(head, vertices, pixels, seen, camera)
    units = unit_basis(head, embedded_head())
    finer, faces = _refined_skin(head)
    lids = tuple(
        build_lid(
            head,
            fitted,
            units,
            portrait.params,
            side,
            vertices,
            skin.place,
            skin.visible,
            finer,
            camera,
            layers.person,
            landmarks,
        )
        for side in _SIDES
    )
    eyes = np.any([lid.eye for lid in lids], axis=0)
    surfaces = [
        *build_mouth(fitted, vertices, pixels, camera, opening, layers.person, palette),
        *(
            build_eye(fitted, f"eye_{side}", vertices, lid.rim, camera, seen, layers.person, landmarks)
            for side, lid in zip(_SIDES, lids, strict=True)
        ),
    ]
    below = math.ceil(MARGIN * max(window.size)) + 2
    person = np.pad(layers.person, ((0, below), (0, 0), (0, 0)), mode="edge")  # the sheet reaches beyond the window
    atlas, starts = pack_pictures(person, [s.picture for s in surfaces])
    prepared = WarpPrepared(
        image=portrait.image if portrait.alpha is None else np.dstack([portrait.image, portrait.alpha]),
        head=fitted,
        window=window,
        camera=camera,
        vertices=vertices,
        rigid=_rigid(head),
        atlas=atlas,
        eyes=eyes.astype(np.float32),
        eyeless=fill_smoothly(layers.person, ~_grown(eyes, _EYE_RIM * _eye_pixels(head, camera, vertices))),
        background=layers.background,
        sheet=_sheet(fitted, portrait, camera, seen, vertices, matte),
        skin=skin,
        lids=lids,
        lips=build_lips(head, vertices, skin.place, skin.visible),
        mask=_mask(camera, vertices, skin, finer, faces, surfaces, starts),
        eye_pixels=_eye_pixels(head, camera, vertices),
        residual=np.zeros_like(picture),
    )
    person, _ = draw_person(prepared, posed)
    return replace(prepared, residual=picture - (person + (1 - person[..., 3:] / 255) * layers.background))


def _see(head: HeadModel, posed: Float[Tensor, "V 3"], camera: Camera, window: Window) -> RasterBuffers:
    """The head as the portrait's camera sees it; eyes and mouth set back, so that they show through their openings only."""
    skin = faces_of(head, "skin", "lips")
    outside = np.isin(np.arange(len(posed)), head.faces.numpy()[skin])
    depth = -posed[:, 2] + torch.from_numpy(np.where(outside, 0, _BEHIND)).float()
    faces = head.faces.clone()
    faces[torch.from_numpy(skin & ~skin_faces(head))] = 0  # keep the numbers of the others
    return rasterize(clip_of(project(camera, posed), depth, window.size), faces, size=window.size)


def _shown(head: HeadModel, seen: RasterBuffers, parts: Sequence[str]) -> Bool[np.ndarray, "h w"]:
    """Pixels at which one of the parts is seen."""
    part = np.append(head.face_part.numpy(), -1)[seen.face_index.numpy()]
    return np.isin(part, [PART_NAMES.index(name) for name in parts])


def _rigid(head: HeadModel) -> Int[np.ndarray, "K"]:
    names = [name for name in ("scalp", "ear_left", "ear_right") if name in head.vertex_masks]
    return np.flatnonzero(np.any([head.vertex_masks[name].numpy() for name in names], axis=0))


def _sheet(
    head: HeadModel,
    portrait: Portrait,
    camera: Camera,
    seen: RasterBuffers,
    vertices: Float[np.ndarray, "V 3"],
    matte: Float[np.ndarray, "h w"],
) -> Sheet:
    rigid = _rigid(head)
    rest = (head.template + head.shape_basis @ portrait.params.betas).double().numpy()
    rotation, origin = rigid_motion(rest[rigid], vertices[rigid])
    chin = float(rest[head.vertex_masks["face"].numpy(), 1].min())
    follow = FollowField(rotation, origin, chin, float(vertices[rigid, 2].mean()))
    return build_sheet(camera, seen, vertices, head.faces.numpy(), faces_of(head, "skin", "lips"), matte, follow)


def _grown(mask: Bool[np.ndarray, "h w"], pixels: float) -> Bool[np.ndarray, "h w"]:
    side = 2 * max(1, round(pixels)) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def _refined_skin(head: HeadModel) -> tuple[csr_matrix, Int[np.ndarray, "F 3"]]:
    """Weights of the skin's vertices, with more of them on the upper lids, and the faces."""
    faces = head.faces.numpy()[skin_faces(head)]
    lids = head.vertex_masks["lids_left"].numpy() | head.vertex_masks["lids_right"].numpy()
    return refine_faces(head.template.double().numpy(), faces, lids[faces].any(1), longest=_LID_EDGE)


def _mask(
    camera: Camera,
    vertices: Float[np.ndarray, "V 3"],
    skin: Skin,
    finer: csr_matrix,
    skin_faces: Int[np.ndarray, "F 3"],
    surfaces: Sequence[Surface],
    starts: Sequence[tuple[int, int]],
) -> Mask:
    count = finer.shape[0]
    first = np.cumsum([count, *(len(s.place) for s in surfaces)])
    faces = [skin_faces, *(s.faces + n for s, n in zip(surfaces, first, strict=False))]
    carry = vstack([finer, *(s.carry for s in surfaces)]).tocsr()
    behind = np.zeros(first[-1])
    behind[count:] = _BEHIND
    behind[first[-3] :] = _EYES_BEHIND
    places = [finer @ skin.place, *(s.place + start for s, start in zip(surfaces, starts, strict=True))]
    return Mask(
        carry=carry,
        faces=torch.from_numpy(np.concatenate(faces).astype(np.int32)),
        place=np.concatenate(places),
        pixels=project(camera, torch.from_numpy(carry @ vertices)).numpy(),
        behind=behind,
        finer=finer,
        first_eye_face=sum(len(f) for f in faces[:-2]),
    )


def _eye_pixels(head: HeadModel, camera: Camera, vertices: Float[np.ndarray, "V 3"]) -> float:
    """Radius of an eyeball in the portrait."""
    eye = vertices[head.vertex_masks["eye_left"].numpy()]
    return float(np.ptp(eye, axis=0).max() / 2 * camera.focal / -eye[:, 2].mean())


def _rows(window: Window) -> slice:
    return slice(window.top, window.top + window.height)


def _columns(window: Window) -> slice:
    return slice(window.left, window.left + window.width)


def _cut(portrait: Portrait, window: Window) -> Float[np.ndarray, "h w 4"]:
    """The window of the picture, premultiplied RGBA, 0 to 255."""
    alpha = np.full(portrait.image.shape[:2], 255, np.uint8) if portrait.alpha is None else portrait.alpha
    share = alpha[_rows(window), _columns(window), None].astype(np.float32)
    colour = portrait.image[_rows(window), _columns(window)] * (share / 255)
    return _resized(np.concatenate([colour, share], axis=-1), window.size)


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return image if image.shape[:2] == size else cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
