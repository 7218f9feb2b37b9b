"""What lies where on a head of FLAME's layout, from its geometry and skinning alone: no licensed mask files.

Lengths are measured in `d`, the distance between the eye joints (62 mm on an average adult).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from loki_core.head.params import JOINT_NAMES

__all__ = ["find_parts", "find_regions", "lip_contact", "mirror_map"]

_ROOT, _NECK, _JAW, _LEFT_EYE, _RIGHT_EYE = range(len(JOINT_NAMES))


@dataclass(frozen=True, eq=False)
class _Face:
    """Measures that the regions are described in."""

    x: Float[np.ndarray, "V"]
    """Coordinates from the middle between the eye joints, in eye distances."""
    y: Float[np.ndarray, "V"]
    z: Float[np.ndarray, "V"]
    mouth_y: float
    mouth_z: float
    chin_y: float
    """Lowest skin of the front, which ends at the depth of the jaw joint."""


def mirror_map(template: Float[np.ndarray, "V 3"], *, tolerance: float = 0.01) -> Int[np.ndarray, "V"]:
    """For each vertex its partner across the plane x = 0, paired greedily by distance so that the map is its own inverse.

    Vertices without a free partner within `tolerance` (metres) are their own.
    """
    count = len(template)
    distance, candidate = cKDTree(template).query(template * [-1, 1, 1], k=min(8, count))
    partner = np.arange(count)
    free = np.ones(count, bool)
    for flat in np.argsort(distance, axis=None, kind="stable"):
        one, rank = divmod(int(flat), distance.shape[1])
        if distance[one, rank] > tolerance:
            break
        other = candidate[one, rank]
        if free[one] and free[other]:
            partner[one], partner[other] = other, one
            free[[one, other]] = False
    return partner


def lip_contact(
    template: Float[np.ndarray, "V 3"], weights: Float[np.ndarray, "V 5"], joints: Float[np.ndarray, "5 3"]
) -> Float[np.ndarray, "3"] | None:
    """Middle of the line where the lips meet: where skin that follows the jaw touches skin that does not, in front.

    None where nothing follows the jaw (heads whose jaw moves by expression only).
    """
    d = joints[_LEFT_EYE, 0] - joints[_RIGHT_EYE, 0]
    central = np.abs(template[:, 0]) < 0.2 * d
    lower, upper = template[central & (weights[:, _JAW] > 0.6)], template[central & (weights[:, _JAW] < 0.4)]
    if not len(lower) or not len(upper):
        return None
    distance, nearest = cKDTree(upper).query(lower)
    touching = distance <= max(distance.min() * 2, 0.05 * d)
    points = (lower[touching] + upper[nearest[touching]]) / 2
    front = points[points[:, 2] > points[:, 2].max() - 0.15 * d]
    return front.mean(0) * [0, 1, 1]


def find_regions(
    template: Float[np.ndarray, "V 3"],
    weights: Float[np.ndarray, "V 5"],
    joints: Float[np.ndarray, "5 3"],
    mouth: Float[np.ndarray, "3"],
) -> dict[str, Bool[np.ndarray, "V"]]:
    """The same named vertex masks as the embedded head's. `mouth` is the middle of the lip line."""
    eyes = {"left": weights[:, _LEFT_EYE] > 0.5, "right": weights[:, _RIGHT_EYE] > 0.5}
    skin = ~(eyes["left"] | eyes["right"])
    face = _measure(template, joints, mouth, skin)
    x, y, z = face.x, face.y, face.z
    depth = z - face.mouth_z
    masks = {f"eye_{side}": mask for side, mask in eyes.items()}
    masks["mouth_cavity"] = masks["teeth"] = np.zeros(len(template), bool)
    masks["lips"] = skin & ((x / 0.42) ** 2 + ((y - face.mouth_y) / 0.19) ** 2 < 1) & (depth > -0.35)
    for side, sign in (("left", 1), ("right", -1)):
        half = skin & (sign * x > 0)
        radius = _eye_radius(template, joints[_LEFT_EYE if side == "left" else _RIGHT_EYE], eyes[side])
        across, up = sign * x - 0.5, y
        reach = radius / (joints[_LEFT_EYE, 0] - joints[_RIGHT_EYE, 0])
        masks[f"lids_{side}"] = half & (across**2 + up**2 + z**2 < (1.4 * reach) ** 2) & (z > 0.2 * reach)
        masks[f"brow_{side}"] = half & (np.abs(across) < 0.42) & (up > 0.24) & (up < 0.55) & (z > -0.2)
        masks[f"cheek_{side}"] = half & (sign * x > 0.45) & (sign * x < 1.0) & (up < -0.35) & (y > face.mouth_y) & (depth > -1)
        masks[f"ear_{side}"] = half & _ear(face, sign * x)
    masks["nose"] = skin & (np.abs(x) < 0.3) & (y < -0.2) & (y > face.mouth_y + 0.24) & (depth > -0.25)
    masks["neck"] = skin & ((weights[:, _ROOT] > 0.3) | (y < _collar(face)))
    ears = masks["ear_left"] | masks["ear_right"]
    follows = weights[:, _JAW] > 0.3
    below = (y < face.mouth_y) & (depth > -1.4)
    masks["jaw"] = skin & ~masks["neck"] & (follows if follows.any() else below)
    masks["scalp"] = skin & ~ears & ~masks["neck"] & ((y > 1.15) | (depth < -1.55) | ((depth < -1.1) & (y > 0.3)))
    masks["face"] = skin & ~ears & ~masks["neck"] & ~masks["scalp"]
    return masks


def find_parts(faces: Int[np.ndarray, "F 3"], masks: dict[str, Bool[np.ndarray, "V"]]) -> Int[np.ndarray, "F"]:
    """Index into `PART_NAMES` of each face: eyes and lips where all three vertices are, skin elsewhere."""
    part = np.zeros(len(faces), np.int64)
    for index, name in ((1, "lips"), (2, "eye_left"), (3, "eye_right")):
        part[masks[name][faces].all(1)] = index
    return part


def _measure(
    template: Float[np.ndarray, "V 3"],
    joints: Float[np.ndarray, "5 3"],
    mouth: Float[np.ndarray, "3"],
    skin: Bool[np.ndarray, "V"],
) -> _Face:
    d = joints[_LEFT_EYE, 0] - joints[_RIGHT_EYE, 0]
    middle = joints[[_LEFT_EYE, _RIGHT_EYE]].mean(0)
    x, y, z = ((template - middle) / d).T
    mouth_y, mouth_z = (mouth - middle)[1:] / d
    front = skin & (np.abs(x) < 0.3) & (z > mouth_z - 0.5) & (y > mouth_y - 0.95)
    chin_y = y[front].min() if front.any() else mouth_y - 0.7
    return _Face(x, y, z, float(mouth_y), float(mouth_z), float(chin_y))


def _eye_radius(template: Float[np.ndarray, "V 3"], centre: Float[np.ndarray, "3"], eye: Bool[np.ndarray, "V"]) -> float:
    """Metres; 12 mm, the adult mean, on a head without eyeballs."""
    return float(np.median(np.linalg.norm(template[eye] - centre, axis=1))) if eye.any() else 0.012


def _ear(face: _Face, out: Float[np.ndarray, "V"]) -> Bool[np.ndarray, "V"]:
    """Around what stands out most, `out` being x towards this ear."""
    beside = (face.z < face.mouth_z - 0.9) & (np.abs(face.y + 0.3) < 0.8)
    width = out[beside].max(initial=0.0)
    tips = beside & (out > 0.95 * width)
    if not tips.any():
        return tips
    return beside & (out > 0.8 * width) & (np.hypot(face.y - face.y[tips].mean(), face.z - face.z[tips].mean()) < 0.5)


def _collar(face: _Face) -> Float[np.ndarray, "V"]:
    """Height under which skin is neck: a line that climbs from under the chin to the nape at mouth height."""
    share = np.clip((face.mouth_z - face.z - 0.5) / 1.5, 0, 1)
    return face.chin_y + share * (face.mouth_y - face.chin_y)
