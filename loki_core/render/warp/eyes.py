"""Eyeballs: a round cap behind each pair of lids, painted with what the portrait shows of the eye and with what the lids hide."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from loki_core.head.model import PART_NAMES, HeadModel
from loki_core.raster.camera import Camera
from loki_core.raster.rasterize import RasterBuffers
from loki_core.render.warp.layers import fill_smoothly
from loki_core.render.warp.mesh import rigid_motion, smooth_step
from loki_core.render.warp.surface import Surface, carried_by

__all__ = ["build_eye"]

_RINGS, _SECTORS = 8, 24
_EDGE = np.radians(80.0)
"""How far round the cap reaches from the optical axis."""
_SMALLEST, _LARGEST = 24, 384
"""Side of an eye's picture, pixels."""
_LASHES = 0.06
"""Share of the eyeball's radius by which its opening is taken smaller than the mesh says: lids and lashes are not eye."""
_WHITE = (1.5, 2.0)
"""Distances from the iris' middle, in its radii, between which its continuation gives way to the white of the eye."""
_RIM_SEEN = 0.3
"""Share of the iris' rim that must be seen for it to be found in the picture."""
_ROUNDS = 40
"""Rings that the iris is averaged over."""
_COVER, _LARGEST_GROWTH = 1.05, 1.7
"""How far the ball reaches beyond its lids, and how much it is enlarged at most."""
_IRIS = {"eye_right": slice(468, 473), "eye_left": slice(473, 478)}
"""MediaPipe's iris points: the middle, then four on its rim."""


def build_eye(
    head: HeadModel,
    name: str,
    vertices: Float[np.ndarray, "V 3"],
    rim: Int[np.ndarray, "R"],
    camera: Camera,
    seen: RasterBuffers,
    picture: Float[np.ndarray, "H W 4"],
    landmarks: Float[np.ndarray, "L 2"],
) -> Surface:
    """The cap of the eye called `name`, for a head whose `vertices` are `seen` at the fit; `landmarks` in window pixels.

    `rim`: the vertices of its lids' margins. The ball is enlarged until it reaches them all, its foremost point stays.
    """
    part = head.face_part.numpy()
    ball = np.unique(head.faces.numpy()[part == PART_NAMES.index(name)])
    rest = head.template.double().numpy()[ball]
    turn, _ = rigid_motion(rest - rest.mean(0), vertices[ball] - vertices[ball].mean(0))
    centre, radius = _fit_sphere(vertices[ball])
    aside = np.linalg.norm(((vertices[rim] - centre) @ turn)[:, :2], axis=1) / radius
    growth = float(np.clip(_COVER * np.quantile(aside, 0.98), 1, _LARGEST_GROWTH)) if len(rim) else 1.0
    centre, radius = centre - (growth - 1) * radius * turn[:, 2], growth * radius
    side = int(np.clip(4 * radius * camera.focal / -centre[2], _SMALLEST, _LARGEST))
    flat, faces = _cap()
    points = centre + radius * _on_ball(flat) @ turn.T
    image = _paint(
        side,
        centre,
        radius,
        turn,
        camera,
        seen.face_index.numpy(),
        (part != PART_NAMES.index("skin")) & (part != PART_NAMES.index("lips")),
        picture,
        landmarks[_IRIS[name]],
    )
    return Surface(carried_by(points, vertices, ball), faces, (flat + 1) / 2 * side, image)


def _fit_sphere(points: Float[np.ndarray, "N 3"]) -> tuple[Float[np.ndarray, "3"], float]:
    """Centre and radius: |p|² = 2 c·p + const is linear in c."""
    middle = points.mean(0)
    away = points - middle
    solution = np.linalg.lstsq(np.concatenate([2 * away, np.ones((len(away), 1))], axis=1), (away**2).sum(1), rcond=None)[0]
    centre = middle + solution[:3]
    return centre, float(np.linalg.norm(points - centre, axis=1).mean())


def _cap() -> tuple[Float[np.ndarray, "M 2"], Int[np.ndarray, "F 3"]]:
    """Vertices of the cap as x and y on the unit sphere (x right, y down), and faces that look outwards."""
    angles = np.linspace(0, _EDGE, _RINGS + 1)[1:, None]
    around = np.linspace(0, 2 * np.pi, _SECTORS, endpoint=False)
    rings = np.stack([np.sin(angles) * np.cos(around), np.sin(angles) * np.sin(around)], axis=-1).reshape(-1, 2)
    index = 1 + np.arange(_RINGS * _SECTORS).reshape(_RINGS, _SECTORS)
    beside = np.roll(index, -1, axis=1)
    middle = np.stack([np.zeros(_SECTORS, dtype=np.int64), beside[0], index[0]], axis=1)
    a, b, c, d = index[:-1].ravel(), beside[:-1].ravel(), index[1:].ravel(), beside[1:].ravel()
    return np.concatenate([np.zeros((1, 2)), rings]), np.concatenate([middle, np.stack([a, b, c], 1), np.stack([b, d, c], 1)])


def _on_ball(flat: Float[np.ndarray, "*B 2"]) -> Float[np.ndarray, "*B 3"]:
    """Points of the unit sphere, head axes, from x (right) and y (down)."""
    x, y = flat[..., 0], flat[..., 1]
    return np.stack([x, -y, np.sqrt(np.maximum(1 - x * x - y * y, 0))], axis=-1)


def _paint(
    side: int,
    centre: Float[np.ndarray, "3"],
    radius: float,
    turn: Float[np.ndarray, "3 3"],
    camera: Camera,
    face_index: Int[np.ndarray, "H W"],
    open_: Bool[np.ndarray, "F"],
    picture: Float[np.ndarray, "H W 4"],
    iris: Float[np.ndarray, "5 2"],
) -> Float[np.ndarray, "S S 4"]:
    """The eyeball's picture in flat coordinates: the portrait where it shows the eye, completed where the lids hide it."""
    flat = np.stack(np.meshgrid(*[(np.arange(side) + 0.5) / side * 2 - 1] * 2), axis=-1)
    points = centre + radius * _on_ball(flat) @ turn.T
    x = (camera.cx - camera.focal * points[..., 0] / points[..., 2]).astype(np.float32) - np.float32(0.5)
    y = (camera.cy + camera.focal * points[..., 1] / points[..., 2]).astype(np.float32) - np.float32(0.5)
    image = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    eye = np.where(face_index >= 0, open_[face_index], True).astype(np.float32)
    lashes = 2 * round(_LASHES * side / 4) + 1
    eye = cv2.erode(eye, np.ones((lashes, lashes), np.uint8))
    sure = cv2.remap(eye, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) * ((flat**2).sum(-1) < 0.95)
    middle, size = _sharpest_rim(image, sure > 0.5, *_iris_on_ball(iris, centre, radius, turn, camera))
    away = np.linalg.norm(flat - middle, axis=-1) / size
    complete = _complete(image, sure > 0.5, away)
    soft = cv2.GaussianBlur((sure > 0.5).astype(np.float32), (0, 0), max(side / 60, 0.6))
    share = np.minimum(soft * 2 - 1, 1).clip(0)[..., None]
    return complete + (image - complete) * share


def _iris_on_ball(
    iris: Float[np.ndarray, "5 2"], centre: np.ndarray, radius: float, turn: np.ndarray, camera: Camera
) -> tuple[Float[np.ndarray, "2"], float]:
    """Middle and radius of the iris in flat coordinates: where the rays through its landmarks meet the ball."""
    rays = np.stack([(iris[:, 0] - camera.cx) / camera.focal, (camera.cy - iris[:, 1]) / camera.focal, -np.ones(5)], axis=1)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    along = rays @ centre
    half = np.sqrt(np.maximum(along**2 - centre @ centre + radius**2, 0))
    flat = ((rays * (along - half)[:, None] - centre) / radius @ turn)[:, :2] * [1, -1]
    return flat[0], float(np.linalg.norm(flat[1:] - flat[0], axis=1).mean())


def _sharpest_rim(
    image: Float[np.ndarray, "S S 4"], known: Bool[np.ndarray, "S S"], middle: Float[np.ndarray, "2"], size: float
) -> tuple[Float[np.ndarray, "2"], float]:
    """The circle near a given one (flat coordinates) at which the eye brightens most outwards (Daugman 1993, eq. 1)."""
    side = len(image)
    light = cv2.GaussianBlur(image[..., :3].mean(-1), (0, 0), max(size * side / 40, 0.5))
    radii = size * np.linspace(0.7, 1.5, 33)
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    best, sharpest = (middle, size), 0.0
    for step in np.stack(np.meshgrid(*[np.linspace(-0.35, 0.35, 11)] * 2), axis=-1).reshape(-1, 2):
        centre = middle + step * size
        at = ((centre + radii[:, None, None] * circle + 1) / 2 * side - 0.5).astype(np.float32)
        seen = cv2.remap(known.astype(np.float32), at, None, cv2.INTER_LINEAR) > 0.5
        ring = (cv2.remap(light, at, None, cv2.INTER_LINEAR) * seen).sum(1) / seen.sum(1).clip(1)
        both = seen[2:] & seen[:-2]
        rise = (
            (np.diff(ring, prepend=ring[0])[1:-1] + np.diff(ring, prepend=ring[0])[2:])
            * both.mean(1)
            * (both.mean(1) > _RIM_SEEN)
        )
        rise = rise * np.exp(-2 * (step**2).sum())
        if rise.max(initial=0) > sharpest:
            sharpest, best = float(rise.max()), (centre, float(radii[1 + rise.argmax()]))
    return best


def _complete(
    image: Float[np.ndarray, "S S 4"], known: Bool[np.ndarray, "S S"], away: Float[np.ndarray, "S S"]
) -> Float[np.ndarray, "S S 4"]:
    """Continue the iris round its middle (`away` is 1 on its rim) and the white of the eye smoothly."""
    white = known & (away > _WHITE[1])
    white = fill_smoothly(image, white if white.any() else known)
    bounds = np.linspace(0, _WHITE[1], _ROUNDS)
    ring = np.digitize(away, bounds) - 1
    profile, found = np.zeros((_ROUNDS, 4), np.float32), np.zeros(_ROUNDS, dtype=bool)
    for index in range(_ROUNDS - 1):
        inside = known & (ring == index)
        if inside.any():
            profile[index], found[index] = np.median(image[inside], axis=0), True
    if not found.any():
        return white
    at = np.arange(_ROUNDS)
    profile = np.stack([np.interp(at, at[found], profile[found, c]) for c in range(4)], axis=1)
    share = smooth_step(away, _WHITE[1], _WHITE[0])[..., None]
    return (white + (profile[ring] - white) * share).astype(np.float32)
