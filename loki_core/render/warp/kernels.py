"""What a frame is made of, in NVIDIA Warp: which place of the atlas each pixel shows, and person over background."""

# no deferred annotations here: Warp reads them where the kernel is made
from typing import no_type_check

import warp as wp

from loki_core.raster.kernels import EMPTY, SUBPIXEL_BITS

__all__ = ["find_places", "lay_over", "mark_tears"]

_BITS = wp.constant(1 << SUBPIXEL_BITS)
_HALF = wp.constant(1 << (SUBPIXEL_BITS - 1))
_EMPTY = wp.constant(wp.int64(EMPTY))
_LOW_WORD = wp.constant(wp.int64(0xFFFFFFFF))

wp.set_module_options({"enable_backward": False, "max_unroll": 0})


@wp.func
@no_type_check
def _cross(u: wp.vec2i, v: wp.vec2i) -> wp.float32:
    return wp.float32(wp.int64(u[0]) * wp.int64(v[1]) - wp.int64(u[1]) * wp.int64(v[0]))


@wp.func
@no_type_check
def _weigh(point: wp.vec2i, corners: wp.vec3i, xy: wp.array2d[wp.vec2i], known: wp.array[wp.vec3]) -> wp.vec3:
    """What the corners know, weighed at a pixel of the image: the weights are linear there, not perspective."""
    a = xy[0, corners[0]]
    b = xy[0, corners[1]] - a
    c = xy[0, corners[2]] - a
    whole = _cross(b, c)
    to_b = _cross(point - a, c) / whole
    to_c = _cross(b, point - a) / whole
    return known[corners[0]] * (1.0 - to_b - to_c) + known[corners[1]] * to_b + known[corners[2]] * to_c


@wp.kernel
@no_type_check
def find_places(
    sheet_keys: wp.array3d[wp.int64],
    sheet_xy: wp.array2d[wp.vec2i],
    sheet_faces: wp.array[wp.vec3i],
    sheet_known: wp.array[wp.vec3],
    mask_keys: wp.array3d[wp.int64],
    mask_xy: wp.array2d[wp.vec2i],
    mask_faces: wp.array[wp.vec3i],
    mask_known: wp.array[wp.vec3],
    torn: wp.float32,
    first_eye_face: wp.int32,
    places: wp.array2d[wp.vec2],
    eye: wp.array2d[wp.uint8],
):
    """Places (x, y; pixel centres at whole numbers) from sheet and mask; one thread a row.

    The third value known of a mask's vertex is its share; where both show places farther apart than `torn`, one is taken whole.
    """
    row = wp.tid()
    for column in range(places.shape[1]):
        point = wp.vec2i(column * _BITS + _HALF, row * _BITS + _HALF)
        place = wp.vec3(0.0, 0.0, 0.0)
        below = sheet_keys[0, row, column]
        if below != _EMPTY:
            place = _weigh(point, sheet_faces[wp.int32(below & _LOW_WORD)], sheet_xy, sheet_known)
        above = mask_keys[0, row, column]
        on_eye = wp.uint8(0)
        if above != _EMPTY:
            face = wp.int32(above & _LOW_WORD)
            over = _weigh(point, mask_faces[face], mask_xy, mask_known)
            share = over[2]
            x = over[0] - place[0]
            y = over[1] - place[1]
            if x * x + y * y > torn * torn or below == _EMPTY:
                share = wp.where(share > 0.5, 1.0, 0.0)
            place = wp.vec3(place[0] + share * x, place[1] + share * y, 0.0)
            if face >= first_eye_face:
                on_eye = wp.uint8(1)
        places[row, column] = wp.vec2(place[0] - 0.5, place[1] - 0.5)
        eye[row, column] = on_eye


@wp.kernel
@no_type_check
def mark_tears(places: wp.array2d[wp.vec2], torn: wp.float32, marks: wp.array2d[wp.uint8]):
    """1 where a pixel and the one to its right or below show places farther apart than `torn`; one thread a row."""
    row = wp.tid()
    for column in range(places.shape[1]):
        here = places[row, column]
        apart = wp.float32(0.0)
        if column + 1 < places.shape[1]:
            apart = wp.max(apart, wp.length_sq(places[row, column + 1] - here))
        if row + 1 < places.shape[0]:
            apart = wp.max(apart, wp.length_sq(places[row + 1, column] - here))
        marks[row, column] = wp.uint8(wp.where(apart > torn * torn, 1, 0))


@wp.kernel
@no_type_check
def lay_over(
    person: wp.array2d[wp.vec4],
    background: wp.array2d[wp.vec4],
    residual: wp.array2d[wp.vec4],
    still: wp.float32,
    left: wp.int32,
    top: wp.int32,
    frame: wp.array3d[wp.uint8],
):
    """Person over background, and `still` of the residual, into `frame` (3 or 4 channels, straight) at (left, top).

    The layers are premultiplied, 0 to 255. One thread a row.
    """
    row = wp.tid()
    for column in range(person.shape[1]):
        over = person[row, column]
        colour = over + background[row, column] * (1.0 - over[3] / 255.0)
        if still > 0.001:
            colour += residual[row, column] * still
        if frame.shape[2] == 4:
            scale = 255.0 / wp.max(colour[3], 1.0)
            colour = wp.vec4(colour[0] * scale, colour[1] * scale, colour[2] * scale, colour[3])
        for channel in range(frame.shape[2]):
            frame[top + row, left + column, channel] = wp.uint8(wp.clamp(colour[channel] + 0.5, 0.0, 255.0))
