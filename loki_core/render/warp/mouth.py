"""The inside of the mouth: teeth, tongue and cavity, painted in the portrait's tones and, where it shows teeth, with them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix

from loki_core.head.model import HeadModel
from loki_core.raster.camera import Camera
from loki_core.raster.rasterize import interpolate_attributes, rasterize
from loki_core.render.warp.face import faces_of
from loki_core.render.warp.mesh import smooth_step
from loki_core.render.warp.palette import Palette
from loki_core.render.warp.surface import Surface
from loki_core.render.warp.window import clip_of

__all__ = ["INSIDE", "build_mouth", "fit_teeth"]

INSIDE = ("mouth_cavity", "tongue", "teeth_upper", "teeth_lower")
_TOOTH_WIDTHS = (8.5, 6.6, 7.6, 7.0, 6.8, 10.0)
"""From the middle outwards, millimetres (upper teeth; Wheeler's mean widths)."""
_TOOTH_PIXELS = 0.00025
"""Metres of a tooth for a pixel of its picture, at the finest."""
_DEPTH = 0.06
"""Metres behind the lips at which light is gone."""


def fit_teeth(
    head: HeadModel,
    vertices: Float[np.ndarray, "V 3"],
    camera: Camera,
    opening: Bool[np.ndarray, "H W"],
    picture: Float[np.ndarray, "H W 4"],
    palette: Palette,
) -> HeadModel:
    """Bring the upper teeth's edge to where the portrait shows it in the mouth's `opening`; else the head as it is."""
    teeth = _own_vertices(head, "teeth_upper")
    if not len(teeth) or not palette.seen_teeth.any():
        return head
    rows = [np.flatnonzero(column).max() + 1 for column in palette.seen_teeth.T if column.any()]
    edge = float(np.quantile(rows, 0.75))
    low = teeth[np.argsort(head.template[teeth, 1].numpy())[: len(teeth) // 5]]
    middle = low[np.abs(head.template[low, 0].numpy()) < 0.008]
    depth = -vertices[middle, 2].mean()
    there = camera.cy - camera.focal * vertices[middle, 1].mean() / depth
    drop = (edge - there) * depth / camera.focal
    template = head.template.clone()
    top, bottom = template[teeth, 1].max(), template[teeth, 1].min()
    length = float(top - bottom)
    factor = float(np.clip(1 + drop / length, 0.6, 2.2))
    template[teeth, 1] = top + (template[teeth, 1] - top) * factor
    return replace(head, template=template)


def build_mouth(
    head: HeadModel,
    vertices: Float[np.ndarray, "V 3"],
    pixels: Float[np.ndarray, "V 2"],
    camera: Camera,
    opening: Bool[np.ndarray, "H W"],
    picture: Float[np.ndarray, "H W 4"],
    palette: Palette,
) -> list[Surface]:
    """Surfaces of the parts that the head has, for `vertices` (camera space, at `pixels` of the window) at the fit."""
    surfaces = []
    lips = head.template[head.vertex_masks["lips"], 2]
    front = float(lips.max()) if len(lips) else float(head.template[:, 2].max())
    flesh = {
        "mouth_cavity": _fading(palette.lips * [0.6, 0.48, 0.48], deep=0.16, aside=0.9),
        "tongue": _fading(palette.lips * [1.0, 0.85, 0.85], deep=0.3, aside=0.6),
    }
    for name, painted in flesh.items():
        own = _own_vertices(head, name)
        if len(own):
            points = head.template[own].numpy()
            behind = ((points[:, 2].max() if name == "tongue" else front) - points[:, 2]) / _DEPTH
            aside = np.abs(points[:, 0]) / np.abs(points[:, 0]).max()
            place = np.stack([behind.clip(0, 1) * 62 + 1, aside * 30 + 1], axis=1)
            surfaces.append(_surface(head, own, name, place, painted))
    for name in ("teeth_upper", "teeth_lower"):
        own = _own_vertices(head, name)
        if len(own):
            surfaces.append(_teeth(head, own, name, pixels, -vertices[own, 2], camera, opening, picture, palette))
    return surfaces


def _own_vertices(head: HeadModel, name: str) -> Int[np.ndarray, "K"]:
    return np.unique(head.faces.numpy()[faces_of(head, name)])


def _surface(head: HeadModel, own: np.ndarray, name: str, place: np.ndarray, picture: np.ndarray) -> Surface:
    faces = np.searchsorted(own, head.faces.numpy()[faces_of(head, name)])
    carry = csr_matrix((np.ones(len(own)), (np.arange(len(own)), own)), shape=(len(own), len(head.template)))
    return Surface(carry, faces, place, picture)


def _fading(colour: Float[np.ndarray, "3"], *, deep: float, aside: float) -> Float[np.ndarray, "32 64 4"]:
    """Flesh that keeps a share `deep` of its colour in the throat (to the right), and `aside` at the cheeks (downwards)."""
    inwards = deep + (1 - deep) * np.exp(-3.0 * np.linspace(0, 1, 64))
    sideways = 1 - (1 - aside) * smooth_step(np.linspace(0, 1, 32), 0.35, 1.0)
    light = (inwards * sideways[:, None])[..., None]
    return np.concatenate([light * colour, np.full((32, 64, 1), 255.0)], axis=-1).astype(np.float32)


def _teeth(
    head: HeadModel,
    own: Int[np.ndarray, "K"],
    name: str,
    pixels: Float[np.ndarray, "V 2"],
    depth: Float[np.ndarray, "K"],
    camera: Camera,
    opening: Bool[np.ndarray, "H W"],
    picture: Float[np.ndarray, "H W 4"],
    palette: Palette,
) -> Surface:
    points = head.template[own].numpy()
    upper = name == "teeth_upper"
    reach = np.abs(points[:, 0]).max()
    across = np.arcsin((points[:, 0] / reach).clip(-1, 1)) / np.radians(82)
    root, edge = (points[:, 1].max(), points[:, 1].min()) if upper else (points[:, 1].min(), points[:, 1].max())
    down = (points[:, 1] - root) / (edge - root)
    metres = max(_TOOTH_PIXELS, depth.mean() / camera.focal)
    width, height = max(16, int(2.8 * reach / metres)), max(6, int(abs(edge - root) / metres))
    place = np.stack([(across.clip(-1, 1) + 1) / 2 * width, down.clip(0, 1) * height], axis=1)
    image = _draw_teeth(width, height, 2.86 * reach * 500, palette, upper)
    if upper:
        image = _lay_seen_teeth(image, head, own, name, place, pixels, opening, picture)
    return _surface(head, own, name, place, image)


def _draw_teeth(width: int, height: int, half_arch: float, palette: Palette, upper: bool) -> Float[np.ndarray, "h w 4"]:
    """A row of teeth from the gum (row 0) to the biting edge; `half_arch` in millimetres."""
    across = np.abs((np.arange(width) + 0.5) / width * 2 - 1) * half_arch
    down = ((np.arange(height) + 0.5) / height)[:, None]
    bounds = np.concatenate([[0.0], np.cumsum(_TOOTH_WIDTHS if upper else np.array(_TOOTH_WIDTHS) * 0.75)])
    index = (np.searchsorted(bounds, across, side="right") - 1).clip(0, len(_TOOTH_WIDTHS) - 1)
    within = ((across - bounds[index]) / (bounds[index + 1] - bounds[index]) * 2 - 1).clip(-1, 1)
    gap = 1 - 0.2 * np.abs(within) ** 8 * smooth_step(down, 0.1, 0.4)
    aside = 1 - 0.62 * smooth_step(across, 0.25 * half_arch, 0.85 * half_arch)
    light = gap * aside * (0.86 + 0.14 * smooth_step(down, 0.2, 0.6)) * (0.97 if upper else 0.9)
    gum = 0.75 * palette.lips + 0.25 * palette.skin
    gums = smooth_step(down - 0.10 * np.abs(within) ** 2, 0.42, 0.34)[..., None]
    colour = (palette.enamel + (gum * 0.8 - palette.enamel) * gums) * light[..., None]
    return np.concatenate([colour, np.full((height, width, 1), 255.0)], axis=-1).astype(np.float32)


def _lay_seen_teeth(
    image: Float[np.ndarray, "h w 4"],
    head: HeadModel,
    own: Int[np.ndarray, "K"],
    name: str,
    place: Float[np.ndarray, "K 2"],
    pixels: Float[np.ndarray, "V 2"],
    opening: Bool[np.ndarray, "H W"],
    picture: Float[np.ndarray, "H W 4"],
) -> Float[np.ndarray, "h w 4"]:
    """Lay what the portrait shows between the lips over the painted teeth, matched in brightness where they meet."""
    size = (image.shape[0], image.shape[1])
    faces = torch.from_numpy(np.searchsorted(own, head.faces.numpy()[faces_of(head, name)]))
    depth = torch.from_numpy(-head.template[own, 2].numpy())  # the front of the row hides its back
    flat = rasterize(clip_of(torch.from_numpy(place).float(), depth.float(), size), faces, size=size, cull=False)
    source = interpolate_attributes(flat, faces, torch.from_numpy(pixels[own]).float()).numpy() - np.float32(0.5)
    sure = cv2.erode(opening.astype(np.float32), np.ones((3, 3), np.uint8))
    share = cv2.remap(sure, source, None, cv2.INTER_LINEAR) * flat.mask.numpy()
    if share.max() < 0.5:
        return image
    seen = cv2.remap(picture, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lit = share > 0.9
    if lit.any():
        image = image * np.append(
            np.clip(np.median(seen[lit], 0)[:3] / np.median(image[lit], 0)[:3].clip(1), 0.5, 1.5), 1
        ).astype(np.float32)
    return image + (seen - image) * smooth_step(share, 0.2, 0.9)[..., None].astype(np.float32)
