"""The raster kernels, in NVIDIA Warp: one source for CPU and CUDA.

Positions are whole numbers of 1/256 pixel and coverage is decided in integers, so it is exact: triangles that share an edge
cover each pixel once, on any device. Kernels are in Warp's language, which only looks like Python: type checkers skip them.
"""

# no deferred annotations here: Warp reads them where the kernel is made
from functools import lru_cache
from math import pi
from typing import Any, no_type_check

import warp as wp

__all__ = [
    "CHANNELS",
    "EMPTY",
    "OCTAVES",
    "SUBPIXEL_BITS",
    "depth_test",
    "encoder",
    "interpolate",
    "paint",
    "paint_waves",
    "resolve",
]

SUBPIXEL_BITS = 8
"""Vertex positions are kept to 1/2^8 pixel."""
EMPTY = 2**63 - 1
"""Depth key of a pixel that nothing covers."""
OCTAVES = 7
"""Frequencies 2^0 to 2^6 of the positional encoding."""
CHANNELS = 3 * 2 * OCTAVES + 3

_BITS = wp.constant(SUBPIXEL_BITS)
_STEP = wp.constant(1 << SUBPIXEL_BITS)
_STEP_64 = wp.constant(wp.int64(1 << SUBPIXEL_BITS))
_HALF = wp.constant(1 << (SUBPIXEL_BITS - 1))
_EMPTY = wp.constant(wp.int64(EMPTY))
_MAGNITUDE = wp.constant(wp.int32(0x7FFFFFFF))
_LOW_WORD = wp.constant(wp.int64(0xFFFFFFFF))

wp.set_module_options({"enable_backward": False})


@wp.func
@no_type_check
def _cross(u: wp.vec2i, v: wp.vec2i) -> wp.int64:
    return wp.int64(u[0]) * wp.int64(v[1]) - wp.int64(u[1]) * wp.int64(v[0])


@wp.func
@no_type_check
def _margin(edge: wp.vec2i) -> wp.int64:
    """What a point must lie inside an edge to belong to the triangle: 0 for a top or left edge, clockwise with y down."""
    owned = edge[1] < 0 or (edge[1] == 0 and edge[0] > 0)
    return wp.where(owned, wp.int64(0), wp.int64(1))


@wp.func
@no_type_check
def _ordered_bits(value: wp.float32) -> wp.int32:
    """The float's bits, changed so that they order like integers; its own inverse on the bits."""
    bits = wp.cast(value, wp.int32)
    return wp.where(bits < 0, bits ^ _MAGNITUDE, bits)


@wp.func
@no_type_check
def _least_first(corners: wp.vec3i) -> wp.vec3i:
    """The same triangle from its lowest vertex on: depth is then rounded alike for every face with these corners."""
    if corners[1] < corners[0] and corners[1] < corners[2]:
        return wp.vec3i(corners[1], corners[2], corners[0])
    if corners[2] < corners[0] and corners[2] < corners[1]:
        return wp.vec3i(corners[2], corners[0], corners[1])
    return corners


@wp.kernel
@no_type_check
def depth_test(
    xy: wp.array2d[wp.vec2i],
    z: wp.array2d[wp.float32],
    usable: wp.array2d[wp.bool],
    faces: wp.array[wp.vec3i],
    cull: wp.bool,
    first_row: wp.int32,
    keys: wp.array3d[wp.int64],
):
    """Lower `keys` to (depth, face) wherever a triangle is nearer; one thread a triangle. Row 0 of `keys` is row `first_row`."""
    item, face = wp.tid()
    corners = _least_first(faces[face])
    if not (usable[item, corners[0]] and usable[item, corners[1]] and usable[item, corners[2]]):
        return
    # clip space has y up, pixels y down: front faces arrive clockwise in this order
    ia = corners[0]
    area = _cross(xy[item, corners[2]] - xy[item, ia], xy[item, corners[1]] - xy[item, ia])
    if area == wp.int64(0) or (cull and area < wp.int64(0)):
        return
    front = area > wp.int64(0)
    ib = wp.where(front, corners[2], corners[1])
    ic = wp.where(front, corners[1], corners[2])
    a = xy[item, ia]
    b = xy[item, ib]
    c = xy[item, ic]
    low = wp.min(a, wp.min(b, c))
    high = wp.max(a, wp.max(b, c))
    left = wp.max((low[0] + _HALF - 1) >> _BITS, 0)
    right = wp.min((high[0] - _HALF) >> _BITS, keys.shape[2] - 1)
    top = wp.max((low[1] + _HALF - 1) >> _BITS, first_row)
    bottom = wp.min((high[1] - _HALF) >> _BITS, first_row + keys.shape[1] - 1)
    if right < left or bottom < top:
        return
    corner = wp.vec2i(left * _STEP + _HALF, top * _STEP + _HALF)
    margin_a = _margin(c - b)
    margin_b = _margin(a - c)
    row_a = _cross(c - b, corner - b) - margin_a
    row_b = _cross(a - c, corner - c) - margin_b
    row_c = _cross(b - a, corner - a) - _margin(b - a)
    to_a = (z[item, ia] - z[item, ic]) / wp.float32(wp.abs(area))
    to_b = (z[item, ib] - z[item, ic]) / wp.float32(wp.abs(area))
    depth_c = z[item, ic] + wp.float32(margin_a) * to_a + wp.float32(margin_b) * to_b
    for row in range(top, bottom + 1):
        at_a = row_a
        at_b = row_b
        at_c = row_c
        for column in range(left, right + 1):
            if (at_a | at_b | at_c) >= wp.int64(0):
                depth = depth_c + wp.float32(at_a) * to_a + wp.float32(at_b) * to_b
                key = (wp.int64(_ordered_bits(depth)) << wp.int64(32)) | wp.int64(face)
                wp.atomic_min(keys, item, row - first_row, column, key)
            at_a -= wp.int64(c[1] - b[1]) * _STEP_64
            at_b -= wp.int64(a[1] - c[1]) * _STEP_64
            at_c -= wp.int64(b[1] - a[1]) * _STEP_64
        row_a += wp.int64(c[0] - b[0]) * _STEP_64
        row_b += wp.int64(a[0] - c[0]) * _STEP_64
        row_c += wp.int64(b[0] - a[0]) * _STEP_64


@wp.kernel
@no_type_check
def resolve(
    keys: wp.array3d[wp.int64],
    xy: wp.array2d[wp.vec2i],
    per_w: wp.array2d[wp.float32],
    faces: wp.array[wp.vec3i],
    lanes: wp.int32,
    face_index: wp.array3d[wp.int32],
    barycentrics: wp.array3d[wp.vec3],
    depth: wp.array3d[wp.float32],
):
    """Write the winners of `keys` over arrays that hold the background; `lanes` threads a row. `per_w`: 1/w of each vertex."""
    item, row, lane = wp.tid()
    for column in range(lane, keys.shape[2], lanes):
        key = keys[item, row, column]
        if key != _EMPTY:
            face = wp.int32(key & _LOW_WORD)
            corners = faces[face]
            a = xy[item, corners[0]]
            b = xy[item, corners[1]] - a
            c = xy[item, corners[2]] - a
            point = wp.vec2i(column * _STEP + _HALF, row * _STEP + _HALF) - a
            to_b = _cross(point, c)
            to_c = _cross(b, point)
            weights = wp.vec3(
                wp.float32(_cross(b, c) - to_b - to_c) * per_w[item, corners[0]],
                wp.float32(to_b) * per_w[item, corners[1]],
                wp.float32(to_c) * per_w[item, corners[2]],
            )
            bits = wp.int32(key >> wp.int64(32))
            face_index[item, row, column] = face
            barycentrics[item, row, column] = weights / (weights[0] + weights[1] + weights[2])
            depth[item, row, column] = wp.cast(wp.where(bits < 0, bits ^ _MAGNITUDE, bits), wp.float32)


@wp.kernel
@no_type_check
def interpolate(
    face_index: wp.array3d[wp.int32],
    barycentrics: wp.array3d[wp.vec3],
    faces: wp.array[wp.vec3i],
    attributes: wp.array3d[wp.float32],
    lanes: wp.int32,
    image: wp.array4d[wp.float32],
):
    """Weigh the vertices' attributes (item, vertex, channel) at each pixel; `image` holds zeros. `lanes` threads a row."""
    item, row, lane = wp.tid()
    for column in range(lane, face_index.shape[2], lanes):
        face = face_index[item, row, column]
        if face >= 0:
            corners = faces[face]
            weights = barycentrics[item, row, column]
            for channel in range(attributes.shape[2]):
                image[item, row, column, channel] = (
                    weights[0] * attributes[item, corners[0], channel]
                    + weights[1] * attributes[item, corners[1], channel]
                    + weights[2] * attributes[item, corners[2], channel]
                )


@wp.kernel
@no_type_check
def paint(
    face_index: wp.array3d[wp.int32],
    barycentrics: wp.array3d[wp.vec3],
    faces: wp.array[wp.vec3i],
    colours: wp.array2d[wp.vec3],
    lanes: wp.int32,
    image: wp.array4d[wp.uint8],
):
    """Weigh the vertices' colours (0 to 255) at each pixel, over whatever `image` holds. `lanes` threads a row."""
    item, row, lane = wp.tid()
    for column in range(lane, face_index.shape[2], lanes):
        face = face_index[item, row, column]
        if face >= 0:
            corners = faces[face]
            weights = barycentrics[item, row, column]
            colour = (
                weights[0] * colours[item, corners[0]]
                + weights[1] * colours[item, corners[1]]
                + weights[2] * colours[item, corners[2]]
            )
            for channel in range(3):
                image[item, row, column, channel] = wp.uint8(wp.int32(colour[channel] + 0.5))


@wp.func
@no_type_check
def _sine(turns: wp.float32) -> wp.float32:
    """sin(2 pi turns) to 0.0002, a fiftieth of a grey level: folded into a quarter turn, then four terms of its Taylor series."""
    x = turns - wp.round(turns)
    if wp.abs(x) > 0.25:
        x = 0.5 * wp.sign(x) - x
    x *= wp.static(2.0 * pi)
    square = x * x
    return x * (1.0 + square * (-1.0 / 6.0 + square * (1.0 / 120.0 - square / 5040.0)))


@wp.kernel
@no_type_check
def paint_waves(
    face_index: wp.array3d[wp.int32],
    barycentrics: wp.array3d[wp.vec3],
    faces: wp.array[wp.vec3i],
    sources: wp.array2d[wp.vec3],
    frequencies: wp.vec3,
    phases: wp.vec3,
    lanes: wp.int32,
    image: wp.array4d[wp.uint8],
):
    """As `paint`, with the sine of (frequency * source + phase) turns, -1 dark, 1 bright; frequency 0: the source itself, cut."""
    item, row, lane = wp.tid()
    for column in range(lane, face_index.shape[2], lanes):
        face = face_index[item, row, column]
        if face >= 0:
            corners = faces[face]
            weights = barycentrics[item, row, column]
            source = (
                weights[0] * sources[item, corners[0]]
                + weights[1] * sources[item, corners[1]]
                + weights[2] * sources[item, corners[2]]
            )
            for channel in range(3):
                value = wp.clamp(source[channel], -1.0, 1.0)
                if frequencies[channel] > 0.0:
                    value = _sine(frequencies[channel] * source[channel] + phases[channel])
                image[item, row, column, channel] = wp.uint8(wp.int32(127.5 * value + 128.0))


@lru_cache(maxsize=4)
def encoder(lanes: int, dtype: Any) -> Any:
    """The kernel that writes the driver map's 45 channels, `lanes` neighbouring pixels a thread.

    The lanes are loops over small vectors that the CPU's compiler turns into SIMD; on CUDA `lanes` is 1, so that threads write
    side by side. Octave k + 1 comes from octave k: sin 2x = 2 sin x cos x, cos 2x = 1 - 2 sin^2 x.
    """
    floats = wp.types.vector(length=lanes, dtype=wp.float32)
    stored = wp.types.vector(length=lanes, dtype=dtype)

    @wp.func
    @no_type_check
    def narrow(values: floats) -> stored:
        result = stored()
        for lane in range(wp.static(lanes)):
            result[lane] = dtype(values[lane])
        return result

    @wp.kernel(module="unique", module_options={"enable_backward": False, "max_unroll": 0})
    @no_type_check
    def encode(
        face_index: wp.array2d[wp.int32],
        barycentrics: wp.array2d[wp.vec3],
        faces: wp.array[wp.vec3i],
        shown: wp.array[wp.bool],
        canonical: wp.array[wp.vec3],
        deformation: wp.array2d[wp.vec3],
        channels: wp.array3d[stored],
    ):
        item, block = wp.tid()
        covered = wp.int32(0)
        hit = floats()
        x = floats()
        y = floats()
        z = floats()
        dx = floats()
        dy = floats()
        dz = floats()
        for lane in range(wp.static(lanes)):
            pixel = block * wp.static(lanes) + lane
            if pixel < face_index.shape[1]:
                face = face_index[item, pixel]
                if face >= 0 and shown[face]:
                    covered = 1
                    hit[lane] = 1.0
                    corners = faces[face]
                    weights = barycentrics[item, pixel]
                    place = wp.vec3()
                    moved = wp.vec3()
                    for k in range(3):
                        place += weights[k] * canonical[corners[k]]
                        moved += weights[k] * deformation[item, corners[k]]
                    x[lane] = place[0]
                    y[lane] = place[1]
                    z[lane] = place[2]
                    dx[lane] = moved[0]
                    dy[lane] = moved[1]
                    dz[lane] = moved[2]
        if covered == 0:
            nothing = stored()
            for channel in range(CHANNELS):
                channels[item, channel, block] = nothing
            return
        for axis in range(3):
            value = x
            if axis == 1:
                value = y
            if axis == 2:
                value = z
            sine = floats()
            cosine = floats()
            for lane in range(wp.static(lanes)):
                # Taylor series of a quarter of the angle: below float32's rounding for |angle| <= 4
                q = 0.25 * value[lane]
                r = q * q
                s = q * (1.0 + r * (-1.0 / 6.0 + r * (1.0 / 120.0 + r * (-1.0 / 5040.0 + r / 362880.0))))
                c = 1.0 + r * (-0.5 + r * (1.0 / 24.0 + r * (-1.0 / 720.0 + r * (1.0 / 40320.0 - r / 3628800.0))))
                half_s = 2.0 * s * c
                half_c = 1.0 - 2.0 * s * s
                sine[lane] = 2.0 * half_s * half_c
                cosine[lane] = 1.0 - 2.0 * half_s * half_s
            for octave in range(OCTAVES):
                channels[item, axis * 2 * OCTAVES + octave, block] = narrow(sine)
                channels[item, axis * 2 * OCTAVES + OCTAVES + octave, block] = narrow(wp.cw_mul(cosine, hit))
                for lane in range(wp.static(lanes)):
                    s = sine[lane]
                    sine[lane] = 2.0 * s * cosine[lane]
                    cosine[lane] = 1.0 - 2.0 * s * s
        channels[item, CHANNELS - 3, block] = narrow(dx)
        channels[item, CHANNELS - 2, block] = narrow(dy)
        channels[item, CHANNELS - 1, block] = narrow(dz)

    return encode
