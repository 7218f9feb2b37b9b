"""The kernel that colours a dressed head pixel by pixel. In Warp's language: type checkers skip it."""

# no deferred annotations here: Warp reads them where the kernel is made
from typing import no_type_check

import warp as wp

from loki_core.head.model import PART_NAMES

__all__ = ["CLOTHES", "HAIR", "Paint", "shade"]

HAIR = len(PART_NAMES)
CLOTHES = HAIR + 1
"""Kinds of faces beyond those of the head."""

_SKIN = wp.constant(PART_NAMES.index("skin"))
_EYE_LEFT = wp.constant(PART_NAMES.index("eye_left"))
_EYE_RIGHT = wp.constant(PART_NAMES.index("eye_right"))
_CAVITY = wp.constant(PART_NAMES.index("mouth_cavity"))
_TONGUE = wp.constant(PART_NAMES.index("tongue"))
_UPPER_TEETH = wp.constant(PART_NAMES.index("teeth_upper"))
_LOWER_TEETH = wp.constant(PART_NAMES.index("teeth_lower"))
_BROW_INNER = wp.constant(0.007)
_BROW_OUTER = wp.constant(0.055)
"""Distance of the brow's ends from the middle of the template, metres."""
_EYEBALL = wp.constant(0.0155)
"""Radius of the template's eyeballs, metres."""
_LASH_REACH = wp.constant(0.0022)
"""Metres from the eyeball within which lid skin carries lashes."""

wp.set_module_options({"enable_backward": False})


class _Fields:
    iris: wp.vec3
    iris_radius: wp.float32
    pupil_radius: wp.float32
    white: wp.float32
    lashes: wp.float32
    brow: wp.vec3
    brow_density: wp.float32
    brow_line: wp.vec4  # height, tilt, arch, half the thickness
    towards: wp.vec3
    lamp: wp.vec3
    ambient: wp.vec3
    eye_left: wp.vec3
    eye_right: wp.vec3


Paint = wp.struct(_Fields)  # no decorator: what checks types in tests takes classes only
"""What the kernel needs of an `Appearance`, and the template's eye centres; a Warp struct."""


@wp.func
@no_type_check
def _step(value: float, width: float) -> float:
    """0 to 1 over `width` around 0."""
    return wp.clamp(value / width + 0.5, 0.0, 1.0)


@wp.func
@no_type_check
def _eye(away: wp.vec3, paint: Paint) -> wp.vec3:
    """Sclera, iris with a dark rim, pupil; `away` from the eye's centre, the optical axis along +z."""
    off = wp.sqrt(away[0] * away[0] + away[1] * away[1])
    if away[2] < 0.0:
        off = 1.0
    colour = wp.vec3(1.0, 0.98, 0.97) * paint.white
    iris = paint.iris * wp.lerp(1.3, 0.5, wp.clamp((off - 0.003) / 0.0035, 0.0, 1.0))
    colour = wp.lerp(colour, iris, _step(paint.iris_radius - off, 0.0008))
    return wp.lerp(colour, wp.vec3(0.02, 0.02, 0.02), _step(paint.pupil_radius - off, 0.0006))


@wp.func
@no_type_check
def _skin(place: wp.vec3, colour: wp.vec3, paint: Paint) -> wp.vec3:
    """Brows and lashes over what the vertices say."""
    side = wp.abs(place[0])
    along = (side - _BROW_INNER) / (_BROW_OUTER - _BROW_INNER)
    if along > 0.0 and along < 1.0 and place[2] > 0.03:
        line = paint.brow_line
        centre = line[0] + line[1] * along + 4.0 * line[2] * along * (1.0 - along)
        half = line[3] * wp.min(1.0, 3.0 * (1.0 - along))
        colour = wp.lerp(colour, paint.brow, paint.brow_density * _step(half - wp.abs(place[1] - centre), 0.0015))
    away = place - wp.where(place[0] > 0.0, paint.eye_left, paint.eye_right)
    if away[2] > 0.0:
        share = _step(_EYEBALL + _LASH_REACH - wp.length(away), 0.0008)
        if away[1] < -0.002:
            share = 0.35 * share
        colour = wp.lerp(colour, wp.vec3(0.05, 0.03, 0.03), paint.lashes * share)
    return colour


@wp.kernel
@no_type_check
def shade(
    face_index: wp.array3d[wp.int32],
    barycentrics: wp.array3d[wp.vec3],
    faces: wp.array[wp.vec3i],
    kinds: wp.array[wp.int32],
    places: wp.array[wp.vec3],
    colours: wp.array[wp.vec3],
    normals: wp.array2d[wp.vec3],
    paint: Paint,
    image: wp.array3d[wp.vec3],
):
    """Paint covered pixels over whatever `image` holds, sRGB in [0, 1]; one thread a row."""
    item, row = wp.tid()
    for column in range(face_index.shape[2]):
        face = face_index[item, row, column]
        if face >= 0:
            corners = faces[face]
            weights = barycentrics[item, row, column]
            place = wp.vec3()
            colour = wp.vec3()
            normal = wp.vec3()
            for k in range(3):
                place += weights[k] * places[corners[k]]
                colour += weights[k] * colours[corners[k]]
                normal += weights[k] * normals[item, corners[k]]
            normal = wp.normalize(normal)
            kind = kinds[face]
            depth = wp.clamp(wp.exp((place[2] - 0.092) / 0.018), 0.0, 1.0)  # light fades behind the lips
            shine = wp.float32(0.0)
            if kind == _SKIN:
                colour = _skin(place, colour, paint)
                shine = 0.07
            if kind == _EYE_LEFT:
                colour = _eye(place - paint.eye_left, paint)
            if kind == _EYE_RIGHT:
                colour = _eye(place - paint.eye_right, paint)
            if kind == _CAVITY:
                colour = wp.vec3(0.35, 0.08, 0.08) * depth
            if kind == _TONGUE:
                colour = wp.vec3(0.78, 0.34, 0.34) * (0.2 + 0.8 * depth)
            if kind >= _UPPER_TEETH and kind <= _LOWER_TEETH:
                colour = wp.vec3(0.95, 0.93, 0.87) * (0.35 + 0.65 * depth)
            if normal[2] < 0.0 and kind >= wp.static(HAIR):
                normal = -normal  # the inside of a shell
            lit = wp.clamp((wp.dot(normal, paint.towards) + 0.25) / 1.25, 0.0, 1.0)
            halfway = wp.normalize(paint.towards + wp.vec3(0.0, 0.0, 1.0))
            mirrored = wp.clamp(wp.dot(normal, halfway), 0.0, 1.0)
            gloss = shine * wp.pow(mirrored, 20.0)
            if kind >= _EYE_LEFT and kind <= _EYE_RIGHT:
                gloss = 0.6 * wp.pow(mirrored, 200.0)
                lit = 0.5 + 0.5 * lit  # whites stay readable in shade
            light = paint.ambient + paint.lamp * lit
            image[item, row, column] = wp.cw_mul(colour, light) + wp.vec3(gloss, gloss, gloss)
