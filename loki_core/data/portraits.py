"""Synthetic portraits: a person, drawn with the head's own rasteriser, and the driver map of the same pose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import warp as wp
from jaxtyping import Bool, Float, Float16, UInt8
from torch import Tensor
from torch.nn import functional as F

from loki_core.data.appearance import Appearance, background, random_appearance
from loki_core.data.dressed import Dressed, dress
from loki_core.data.shading import Paint, shade
from loki_core.head.model import HeadModel, with_identity
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, rotation_matrix
from loki_core.raster.camera import Camera, CropBox, clip_from_camera
from loki_core.raster.device import launch, view
from loki_core.raster.driver_map import DriverMap, encode_map, pose_and_deform
from loki_core.raster.lighting import summed_normals
from loki_core.raster.rasterize import RasterBuffers, interpolate_attributes, rasterize

__all__ = ["Drawn", "Person", "draw", "draw_map", "feature_shares", "make_person", "random_identity"]

_FINER = 2
"""Samples of a picture's pixel along a side."""
_FOLLOWS = 0.35
"""Share of the head's turn that the shoulders make."""
_FOCUS = ("lids_left", "lids_right", "brow_left", "brow_right", "lips", "eye_left", "eye_right", "mouth_cavity")
"""Regions whose looks say most about an expression."""


@dataclass(frozen=True, eq=False)
class Person:
    """One identity in one scene: what is computed once for all its frames."""

    head: HeadModel
    """Without shape axes."""
    betas: Float[Tensor, "S"]
    look: Appearance
    dressed: Dressed
    paint: Any
    """A `Paint`."""
    ground: Float[Tensor, "N N 3"]
    """Behind the person, at the finer size; sRGB in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Frames of a person."""

    pictures: UInt8[Tensor, "T 3 H W"]
    maps: Float16[Tensor, "T 45 H W"]
    masks: Bool[Tensor, "T H W"]
    """Where the head is seen, hair or not."""
    focus: Float[Tensor, "T H W"]
    """Share of eyes, brows, lids, lips and mouth in a pixel."""


def random_identity(head: HeadModel, rng: np.random.Generator) -> Float[Tensor, "S"]:
    """Shape coefficients from close to the mean to one standard deviation."""
    return torch.from_numpy(rng.standard_normal(head.shape_count) * rng.uniform(0.4, 1.0)).float()


def make_person(head: HeadModel, betas: Float[Tensor, "S"], rng: np.random.Generator, *, size: int) -> Person:
    """A random look on the shape `betas`, for pictures of `size` pixels."""
    look = random_appearance(rng)
    ground = torch.from_numpy(background(rng, size * _FINER).clip(0, 1)).float()
    return Person(with_identity(head, betas), betas, look, dress(head, look), _paint(head, look), ground)


def draw(head: HeadModel, person: Person, params: FlameParams, camera: Camera, crop: CropBox, *, size: int) -> Drawn:
    """Pictures and driver maps of poses of batch shape (T,); `head` is the model that the person's shape belongs to."""
    bare = replace(params, betas=params.betas[..., :0])
    vertices, moved = pose_and_deform(person.head, bare)
    map_, focus = draw_map(head, vertices, moved, camera, crop, size=size)
    return Drawn(_picture(person, params, vertices, camera, crop, size), map_.map, map_.mask, focus)


def draw_map(
    head: HeadModel,
    vertices: Float[Tensor, "T V 3"],
    moved: Float[Tensor, "T V 3"],
    camera: Camera,
    crop: CropBox,
    *,
    size: int,
) -> tuple[DriverMap, Float[Tensor, "T H W"]]:
    """The driver maps of heads that `pose_and_deform` posed, and the share of eyes, brows, lids, lips and mouth in a pixel."""
    seen = rasterize(clip_from_camera(camera, crop, vertices), head.faces, size=(size, size))
    return encode_map(head, seen, moved), feature_shares(head, seen)


def feature_shares(head: HeadModel, seen: RasterBuffers) -> Float[Tensor, "T H W"]:
    """The share of eyes, brows, lids, lips and mouth in each pixel of rasterised heads."""
    return interpolate_attributes(seen, head.faces, _focus(head).expand(len(seen.face_index), -1, -1))[..., 0]


def _picture(
    person: Person, params: FlameParams, vertices: Float[Tensor, "T V 3"], camera: Camera, crop: CropBox, size: int
) -> UInt8[Tensor, "T 3 H W"]:
    dressed, fine = person.dressed, size * _FINER
    whole = _dressed_vertices(person, params, vertices)
    # depth beyond the head's own range is fine: the rasteriser has no near or far plane
    buffers = rasterize(clip_from_camera(camera, crop, whole), dressed.faces, size=(fine, fine))
    image = person.ground.repeat(len(whole), 1, 1, 1)  # a copy, also of one: it is drawn on
    launch(
        shade, (len(whole), fine),
        view(buffers.face_index, wp.int32), view(buffers.barycentrics, wp.vec3), view(dressed.faces.contiguous(), wp.vec3i),
        view(dressed.kinds, wp.int32), view(dressed.places.contiguous(), wp.vec3), view(dressed.colours.contiguous(), wp.vec3),
        view(summed_normals(whole, dressed.faces[: dressed.outside]), wp.vec3), person.paint, view(image, wp.vec3),
        device=image.device,
    )  # fmt: skip
    small = F.avg_pool2d(image.clamp(0, 1).permute(0, 3, 1, 2), _FINER)
    return (small * 255 + 0.5).to(torch.uint8)


def _dressed_vertices(person: Person, params: FlameParams, vertices: Float[Tensor, "T V 3"]) -> Float[Tensor, "T N 3"]:
    """Hair turns with the head, the shoulders only in part."""
    dressed, joints = person.dressed, person.head.joint_places[0]
    turn = rotation_matrix(compose(params.global_orient, params.neck_pose))
    hair = vertices[:, dressed.roots] + dressed.hair @ turn.mT
    part = rotation_matrix(params.global_orient * _FOLLOWS)
    body = (dressed.body - joints[0]) @ part.mT + joints[0] + params.translation[:, None]
    return torch.cat([vertices, hair, body], dim=1)


def _focus(head: HeadModel) -> Float[Tensor, "V 1"]:
    regions = [head.vertex_masks[name] for name in _FOCUS if name in head.vertex_masks]
    return torch.stack(regions).any(0).float()[:, None]


def _paint(head: HeadModel, look: Appearance) -> Any:
    eyes, brows, light, paint = look.eyes, look.brows, look.light, Paint()
    paint.iris, paint.iris_radius, paint.pupil_radius = wp.vec3(*eyes.iris), eyes.iris_radius, eyes.pupil_radius
    paint.white, paint.lashes = eyes.white, eyes.lashes
    paint.brow, paint.brow_density = wp.vec3(*brows.colour), brows.density
    paint.brow_line = wp.vec4(brows.height, brows.tilt, brows.arch, brows.half)
    paint.towards, paint.lamp, paint.ambient = wp.vec3(*light.towards), wp.vec3(*light.lamp), wp.vec3(*light.ambient)
    centres = (head.joint_regressor @ head.template)[3:]
    paint.eye_left, paint.eye_right = wp.vec3(*centres[0].tolist()), wp.vec3(*centres[1].tolist())
    return paint
