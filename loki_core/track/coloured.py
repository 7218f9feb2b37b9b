"""Coloured renders of a head: skin, lips, brows, lashes, eyes, teeth, light. The truth that the tracker is measured on.

MediaPipe hardly sees brows, blinks and smiles on grey renders. Colours are drawn per pixel from template coordinates, which do
not depend on identity or expression, so that brows and irises are crisp on a coarse mesh. Made for measuring, not for beauty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import zoom
from torch import Tensor

from loki_core.head.model import PART_NAMES, HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, image_clip
from loki_core.raster.rasterize import RasterBuffers, rasterize

__all__ = ["Look", "random_look", "render_coloured"]

_SKINS = np.array([[0.96, 0.80, 0.72], [0.87, 0.67, 0.55], [0.76, 0.55, 0.42], [0.58, 0.40, 0.30], [0.38, 0.25, 0.19]])
_IRISES = np.array([[0.35, 0.22, 0.12], [0.30, 0.42, 0.55], [0.35, 0.45, 0.28], [0.18, 0.12, 0.09]])
_HAIRS = np.array([[0.08, 0.06, 0.05], [0.28, 0.18, 0.11], [0.55, 0.42, 0.26], [0.5, 0.5, 0.5], [0.35, 0.16, 0.08]])
_BROW = np.array([[0.007, 0.030], [0.016, 0.0325], [0.027, 0.035], [0.038, 0.0355], [0.047, 0.033], [0.054, 0.029]])
"""Centre line of the brow in the template's frontal plane, metres: distance from the middle, height."""
_LIP_EDGES = np.array([
    [0.000, -0.0493, -0.0655], [0.004, -0.0483, -0.0653], [0.007, -0.0488, -0.0648], [0.012, -0.0507, -0.0630],
    [0.017, -0.0530, -0.0603], [0.021, -0.0550, -0.0573], [0.0228, -0.0560, -0.0560],
])  # fmt: skip
"""Edges of the lips in the same plane: distance from the middle, height of the upper and of the lower edge."""
_IRIS_RADIUS = 0.0059
"""Metres, a human iris (Ruefer et al. 2005: 11.7 mm across)."""
_LASH_REACH = 0.0016
"""Metres from the eyeball within which lid skin carries lashes."""
_LENS = 0.0155
"""Radius of the template's eyeballs, metres."""
_SKIN, _LIPS, _EYE_LEFT, _EYE_RIGHT, _CAVITY, _TONGUE, _UPPER_TEETH, _LOWER_TEETH = range(len(PART_NAMES))


@dataclass(frozen=True, eq=False)
class Look:
    """What a face looks like, apart from its shape. Colours are sRGB in [0, 1]."""

    skin: Float[np.ndarray, "3"]
    lips: Float[np.ndarray, "3"]
    iris: Float[np.ndarray, "3"]
    hair: Float[np.ndarray, "3"]
    background: Float[np.ndarray, "2 3"]
    """Top and bottom."""
    brow_strength: float
    """Share of hair in the brow, 0 to 1."""
    brow_width: float
    """Metres at the inner end."""
    lash_strength: float
    light: Float[np.ndarray, "3"]
    """Direction towards the light, camera space."""
    ambient: float
    texture_seed: int


def random_look(rng: np.random.Generator) -> Look:
    """Draw a plausible face: skin from pale to dark, all usual irises and hairs, light from in front."""
    skin = _mixed(_SKINS, rng)
    light = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.1, 0.9), 1.0])
    return Look(
        skin=skin,
        lips=np.clip(skin * [0.92, 0.62, 0.62] + rng.uniform(-0.04, 0.04, 3), 0, 1),
        iris=_mixed(_IRISES, rng),
        hair=_mixed(_HAIRS, rng) * rng.uniform(0.6, 1),
        background=rng.uniform(0.02, 0.9, (2, 3)),
        brow_strength=rng.uniform(0.6, 1),
        brow_width=rng.uniform(0.005, 0.010),
        lash_strength=rng.uniform(0.4, 1),
        light=light / np.linalg.norm(light),
        ambient=rng.uniform(0.35, 0.65),
        texture_seed=int(rng.integers(2**31)),
    )


def render_coloured(head: HeadModel, params: FlameParams, camera: Camera, look: Look) -> UInt8[np.ndarray, "H W 3"]:
    """One frame (batch shape ()) of a coloured head before a plain background, sRGB."""
    vertices = pose_vertices(head, params)
    buffers = rasterize(image_clip(camera, vertices), head.faces, size=(camera.height, camera.width))
    hit = buffers.face_index.numpy() >= 0
    surface = _surface(head, vertices, buffers, hit)
    image = np.linspace(look.background[0], look.background[1], camera.height)[:, None].repeat(camera.width, axis=1)
    image[hit] = _albedo(surface, look) * _shade(surface, look)[:, None] + _gloss(surface, look)[:, None]
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class _Surface:
    """What is seen at each covered pixel."""

    part: np.ndarray  # (N,)
    place: np.ndarray  # (N, 3) template coordinates, metres
    normal: np.ndarray  # (N, 3) camera space
    hair: np.ndarray  # (N,) share of scalp
    eyes: np.ndarray  # (2, 3) eye centres in the template


def _surface(head: HeadModel, vertices: Float[Tensor, "V 3"], buffers: RasterBuffers, hit: np.ndarray) -> _Surface:
    faces = buffers.face_index.numpy()[hit]
    corners = head.faces.numpy()[faces]
    weights = buffers.barycentrics.numpy()[hit][..., None]
    normals = _normals(vertices.numpy(), head.faces.numpy())
    attributes = np.concatenate([head.template.numpy(), normals, head.vertex_masks["scalp"].numpy()[:, None]], axis=1)
    seen = (attributes[corners] * weights).sum(1)
    return _Surface(
        part=head.face_part.numpy()[faces],
        place=seen[:, :3],
        normal=seen[:, 3:6] / np.linalg.norm(seen[:, 3:6], axis=1, keepdims=True).clip(1e-9),
        hair=seen[:, 6],
        eyes=(head.joint_regressor @ head.template)[3:].numpy(),
    )


def _normals(vertices: Float[np.ndarray, "V 3"], faces: np.ndarray) -> Float[np.ndarray, "V 3"]:
    """Area-weighted vertex normals, not normalised."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros(vertices.shape)
    for k in range(3):
        np.add.at(normals, faces[:, k], across)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-12)


def _albedo(s: _Surface, look: Look) -> Float[np.ndarray, "N 3"]:
    colour = _skin(s, look)
    for part, index in ((_EYE_LEFT, 0), (_EYE_RIGHT, 1)):
        colour[s.part == part] = _eye(s.place[s.part == part] - s.eyes[index], look)
    depth = np.exp((s.place[:, 2:] - 0.092) / 0.018).clip(0, 1)  # light fades behind the lips
    for part, tint in ((_CAVITY, (0.35, 0.10, 0.10)), (_TONGUE, (0.75, 0.35, 0.35))):
        colour[s.part == part] = tint * depth[s.part == part]
    for part in (_UPPER_TEETH, _LOWER_TEETH):
        colour[s.part == part] = (0.93, 0.91, 0.84) * (0.3 + 0.7 * depth[s.part == part])
    return colour


def _skin(s: _Surface, look: Look) -> Float[np.ndarray, "N 3"]:
    """Skin with blotches, lips, brows, lashes and scalp hair laid over it."""
    colour = look.skin * (1 + 0.06 * _noise(s.place, look.texture_seed)[:, None])
    colour = _lay(colour, look.lips, _lip_share(s.place))
    colour = _lay(colour, look.hair, _brow_share(s.place, look))
    colour = _lay(colour, np.array([0.05, 0.03, 0.03]), _lash_share(s) * look.lash_strength)
    return _lay(colour, look.hair, _step(s.hair, 0.5, 0.4))


def _lip_share(place: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N"]:
    x = np.abs(place[:, 0])
    upper, lower = (np.interp(x, _LIP_EDGES[:, 0], _LIP_EDGES[:, k]) for k in (1, 2))
    return _step(np.minimum(upper - place[:, 1], place[:, 1] - lower), 0, 0.0008) * (place[:, 2] > 0.06)


def _brow_share(place: Float[np.ndarray, "N 3"], look: Look) -> Float[np.ndarray, "N"]:
    x = np.abs(place[:, 0])
    centre = np.interp(x, _BROW[:, 0], _BROW[:, 1])
    along = (x - _BROW[0, 0]) / (_BROW[-1, 0] - _BROW[0, 0])
    half = look.brow_width / 2 * np.interp(along, [0, 0.1, 0.6, 1], [0.7, 1, 0.8, 0.3])
    inside = (along > 0) & (along < 1) & (place[:, 2] > 0.04)
    return look.brow_strength * inside * _step(half - np.abs(place[:, 1] - centre), 0, 0.0015)


def _lash_share(s: _Surface) -> Float[np.ndarray, "N"]:
    """Upper lid margins, and more faintly the lower ones."""
    share = np.zeros(len(s.place))
    for centre in s.eyes:
        away = s.place - centre
        near = _step(_LENS + _LASH_REACH - np.linalg.norm(away, axis=1), 0, 0.0006) * (away[:, 2] > 0)
        share = np.maximum(share, near * np.where(away[:, 1] > -0.002, 1, 0.35))
    return share


def _eye(away: Float[np.ndarray, "N 3"], look: Look) -> Float[np.ndarray, "N 3"]:
    """Sclera, iris with a dark rim, pupil; `away` from the eye's centre, the optical axis along +z."""
    off = np.linalg.norm(away[:, :2], axis=1)
    off = np.where(away[:, 2] > 0, off, 1)
    colour = np.tile([0.93, 0.91, 0.90], (len(away), 1)) * np.interp(off, [0.006, 0.014], [1, 0.8])[:, None]
    rim = np.interp(off, [0.003, _IRIS_RADIUS], [1.1, 0.55])[:, None]
    colour = _lay(colour, look.iris * rim, _step(_IRIS_RADIUS - off, 0, 0.0006))
    return _lay(colour, np.array([0.02, 0.02, 0.02]), _step(0.0022 - off, 0, 0.0004))


def _shade(s: _Surface, look: Look) -> Float[np.ndarray, "N"]:
    """Lambert with wrap, so that the dark side keeps its features."""
    lit = ((s.normal @ look.light + 0.3) / 1.3).clip(0)
    return look.ambient + (1.05 - look.ambient) * lit


def _gloss(s: _Surface, look: Look) -> Float[np.ndarray, "N"]:
    """Highlights (Blinn-Phong, the camera along +z): sharp on eyes, faint on skin."""
    halfway = np.add(look.light, (0, 0, 1))
    mirrored = (s.normal @ (halfway / np.linalg.norm(halfway))).clip(0)
    wet = (s.part == _EYE_LEFT) | (s.part == _EYE_RIGHT)
    return np.where(wet, 0.7 * mirrored**200, np.where(s.part <= _LIPS, 0.08 * mirrored**20, 0))


def _noise(place: Float[np.ndarray, "N 3"], seed: int) -> Float[np.ndarray, "N"]:
    """Smooth noise over the frontal plane in two sizes, about N(0, 1)."""
    rng = np.random.default_rng(seed)
    coarse, fine = zoom(rng.standard_normal((12, 12)), 22, order=1)[:256, :256], rng.standard_normal((256, 256))
    cell = ((place[:, :2] / 0.26 + 0.5) * 255).clip(0, 255).astype(np.int64)
    return coarse[cell[:, 1], cell[:, 0]] + 0.5 * fine[cell[:, 1], cell[:, 0]]


def _step(value: np.ndarray, edge: float, width: float) -> np.ndarray:
    """0 to 1 over `width` around `edge`."""
    return ((value - edge) / width + 0.5).clip(0, 1)


def _lay(under: np.ndarray, over: np.ndarray, share: np.ndarray) -> np.ndarray:
    return under + (over - under) * share[:, None]


def _mixed(palette: Float[np.ndarray, "K 3"], rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """A colour between two of the palette."""
    first, second = rng.choice(len(palette), 2)
    return palette[first] + (palette[second] - palette[first]) * rng.uniform(0, 1)
