"""Where on the mesh MediaPipe's landmarks lie: the spot that stays nearest to each through many renders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from mediapipe.python.solutions.face_mesh_connections import FACEMESH_LEFT_EYE, FACEMESH_LIPS, FACEMESH_RIGHT_EYE
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from tqdm import tqdm

from loki_core.head.model import PART_NAMES, HeadModel
from loki_core.raster.lighting import vertex_normals
from presets.heads.measuring.renders import Renders, chunks, mirrored_units

__all__ = ["Anchors", "measure_anchors"]

_MIDDLE = (
    0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 94, 151, 152, 164, 168, 175, 195, 197, 199, 200,
)  # fmt: skip
"""MediaPipe's landmarks on the middle line of the face."""
_MESH, _ALL = 468, 478
_AROUND = 0.009
"""Metres around the first guess within which an anchor is searched."""
_LIKELY = 0.004
"""Metres at which a miss counts half as much as a gross one (Geman and McClure)."""
_FRONT = -0.02
"""Metres in the template; landmarks lie before this."""
_GUESSES = 60
_GRID = 6
"""Steps along a triangle's edge between tried spots."""
_FACING = 0.3
"""Least cosine between the surface and the view."""
_MEDIAN_OF_RAYLEIGH = 1.177


@dataclass(frozen=True, eq=False)
class Anchors:
    """A triangle and a spot in it for every landmark."""

    faces: Int[np.ndarray, "L"]
    barycentrics: Float[np.ndarray, "L 3"]
    spread: Float[np.ndarray, "L"]
    """Standard deviation of what the landmark misses it by, metres."""
    mirror: Int[np.ndarray, "L"]
    """The landmark on the other side of the face."""


@dataclass(frozen=True, eq=False)
class _Views:
    """All renders and their mirror images, as the search needs them."""

    pixels: Float[np.ndarray, "B V 2"]
    """From the middle of the picture, right and down."""
    facing: Float[np.ndarray, "B V"]
    landmarks: Float[np.ndarray, "B L 2"]
    metres: Float[np.ndarray, "B"]
    """A pixel at the head's distance."""
    usable: Bool[np.ndarray, "B L"]
    """Whether lips and lids are far enough apart to tell their landmarks apart."""


def measure_anchors(head: HeadModel, renders: Renders) -> Anchors:
    """Search an anchor for every landmark on the subject's left, and mirror it."""
    pixels, facing, metres, guess = _project(head, renders)
    mirror = _mirror_map(guess)
    views = _with_mirror_images(head, renders, pixels, facing, metres, mirror)
    faces = head.faces.numpy()
    same = {tuple(sorted(face)): index for index, face in enumerate(faces.tolist())}
    found = Anchors(np.zeros(_ALL, np.int64), np.zeros((_ALL, 3)), np.zeros(_ALL), mirror)
    for landmark in tqdm(range(_ALL), desc="anchors", unit="landmark"):
        twin = int(mirror[landmark])
        if twin != landmark and guess[landmark, 0] < guess[twin, 0]:
            continue
        face, weights, spread = _search(head, views, landmark, guess[landmark], middle=twin == landmark)
        found.faces[landmark], found.barycentrics[landmark], found.spread[[landmark, twin]] = face, weights, spread
        if twin != landmark:
            across = head.mirror.numpy()[faces[face]].tolist()
            found.faces[twin] = same[tuple(sorted(across))]
            found.barycentrics[twin] = weights[[across.index(vertex) for vertex in faces[found.faces[twin]]]]
    return found


def _project(
    head: HeadModel, renders: Renders
) -> tuple[Float[np.ndarray, "B V 2"], Float[np.ndarray, "B V"], Float[np.ndarray, "B"], Float[np.ndarray, "L 3"]]:
    """Pixels, cosines towards the camera, metres a pixel, and a first guess of every landmark's place in the template."""
    template, faces = head.template.numpy().astype(np.float64), head.faces.numpy()
    skin = np.unique(faces[head.face_part.numpy() <= PART_NAMES.index("lips")])
    skin = skin[template[skin, 2] > _FRONT]
    pixels, facing, metres, guesses = [], [], [], []
    for vertices, part in chunks(head, renders):
        focal = renders.focal[part]
        seen = focal[:, None, None] * vertices[..., :2] / -vertices[..., 2:] * [1, -1]
        pixels.append(seen)
        facing.append(_facing(vertices, faces))
        metres.append(-vertices[..., 2].mean(1) / focal)
        for k in range(0, len(seen), max(1, len(renders) // _GUESSES)):
            away, near = cKDTree(seen[k, skin]).query(renders.landmarks[part][k], k=12)
            depth = np.where(away < away[:, :1] + 3, -vertices[k, skin][near, 2], np.inf)
            guesses.append(template[skin[near[np.arange(_ALL), depth.argmin(1)]]])
    return np.concatenate(pixels), np.concatenate(facing), np.concatenate(metres), np.median(guesses, axis=0)


def _facing(vertices: Float[np.ndarray, "B V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "B V"]:
    """Cosine between the vertex normals and the direction to the camera."""
    normals = vertex_normals(torch.from_numpy(vertices), torch.from_numpy(faces)).numpy()
    return np.asarray(-(normals * vertices).sum(-1) / np.linalg.norm(vertices, axis=-1))


def _mirror_map(guess: Float[np.ndarray, "L 3"]) -> Int[np.ndarray, "L"]:
    """Left and right landmarks whose guesses are nearest to each other's mirror image (optimal assignment)."""
    pairs = np.arange(_ALL)
    for group in (np.setdiff1d(np.arange(_MESH), _MIDDLE), np.arange(_MESH, _ALL)):
        by_side = group[np.argsort(guess[group, 0])]
        right, left = by_side[: len(group) // 2], by_side[len(group) // 2 :]
        across = np.linalg.norm(guess[right][:, None] * [-1, 1, 1] - guess[left], axis=-1)
        rows, columns = linear_sum_assignment(across)
        pairs[right[rows]], pairs[left[columns]] = left[columns], right[rows]
    return pairs


def _with_mirror_images(
    head: HeadModel, renders: Renders, pixels: Float[np.ndarray, "B V 2"], facing: Float[np.ndarray, "B V"],
    metres: Float[np.ndarray, "B"], mirror: Int[np.ndarray, "L"],
) -> _Views:  # fmt: skip
    vertices, units = head.mirror.numpy(), renders.units
    both = np.concatenate([units, units[:, mirrored_units(head.expression_names)]])
    return _Views(
        np.concatenate([pixels, pixels[:, vertices] * [-1, 1]]),
        np.concatenate([facing, facing[:, vertices]]),
        np.concatenate([renders.landmarks, renders.landmarks[:, mirror] * [-1, 1]]),
        np.concatenate([metres, metres]),
        _usable(both, head.expression_names),
    )


def _usable(units: Float[np.ndarray, "B E"], names: tuple[str, ...]) -> Bool[np.ndarray, "B L"]:
    """Upper and lower landmarks of closed lips and lids fall together: those are measured while open. Anchors are searched on
    the subject's left only, so its eye decides."""

    def strength(name: str) -> Float[np.ndarray, "B"]:
        return units[:, names.index(name)]

    mouth = (strength("jawOpen") > 0.25) & (strength("mouthClose") < 0.1)
    mouth &= (strength("mouthRollLower") < 0.3) & (strength("mouthRollUpper") < 0.3)
    eye = (strength("eyeBlinkLeft") < 0.15) & (strength("eyeSquintLeft") < 0.3) & (strength("eyeLookDownLeft") < 0.4)
    usable = np.ones((len(units), _ALL), dtype=bool)
    usable[:, sorted({i for edge in FACEMESH_LIPS for i in edge})] = mouth[:, None]
    usable[:, sorted({i for edge in FACEMESH_LEFT_EYE | FACEMESH_RIGHT_EYE for i in edge})] = eye[:, None]
    usable[:, _MESH:] = eye[:, None]
    return usable


def _search(
    head: HeadModel, views: _Views, landmark: int, guess: Float[np.ndarray, "3"], *, middle: bool
) -> tuple[int, Float[np.ndarray, "3"], float]:
    """Triangle, weights and spread of the spot with the least robust miss over the renders that show it."""
    template, faces, part = head.template.numpy(), head.faces.numpy(), head.face_part.numpy()
    start = guess * [0, 1, 1] if middle else guess
    tree = cKDTree(template)
    near = np.zeros(len(template), dtype=bool)
    near[tree.query_ball_point(start, _AROUND)] = True
    allowed = part == PART_NAMES.index("eye_left") if landmark >= _MESH else part <= PART_NAMES.index("lips")
    tried = np.flatnonzero(allowed & near[faces].any(1))
    grid = np.array([(i, j, _GRID - i - j) for i in range(_GRID + 1) for j in range(_GRID + 1 - i)]) / _GRID
    face, weights = np.repeat(tried, len(grid)), np.tile(grid, (len(tried), 1))
    if middle:
        kept = np.abs((template[faces[face], 0] * weights).sum(1)) < 2e-4
        face, weights = face[kept], weights[kept]
    shown = np.flatnonzero(views.usable[:, landmark] & (views.facing[:, tree.query(start)[1]] > _FACING))
    missed = np.empty((len(face), len(shown)))
    for column, view in enumerate(shown):
        spots = (views.pixels[view][faces[face]] * weights[..., None]).sum(1)
        missed[:, column] = np.linalg.norm(spots - views.landmarks[view, landmark], axis=1) * views.metres[view]
    best = int((missed**2 / (missed**2 + _LIKELY**2)).mean(1).argmin())
    return int(face[best]), weights[best], float(np.median(missed[best]) / _MEDIAN_OF_RAYLEIGH)
