"""The inside of the mouth that Loki's driver map adds to FLAME (Loki's paper): half a sphere behind the lips."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float, Int

__all__ = ["CAVITY_VERTEX_COUNT", "cavity_faces", "cavity_vertices"]

_RINGS: Final = 10
_SECTORS: Final = 20
CAVITY_VERTEX_COUNT: Final = _RINGS * _SECTORS


def cavity_vertices(lip: Float[np.ndarray, "*B 3"], jaw: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 200 3"]:
    """Half a UV sphere between the jaw joint and a vertex of the lips, hollow towards the lips; metres.

    Centre: jaw + 0.75 offset - 0.005 direction; radius: 0.25 of the offset's length. Its ten latitudes are the first of twenty
    from pole to pole, the pole points to the throat.
    """
    offset = lip - jaw
    length = np.linalg.norm(offset, axis=-1, keepdims=True)
    forward = offset / length
    side = np.cross(np.array([0.0, 1.0, 0.0]), forward)
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    axes = np.stack([side, np.cross(forward, side), forward], axis=-2)
    centre = jaw + 0.75 * offset - 0.005 * forward
    return np.asarray(centre[..., None, :] + 0.25 * length[..., None, :] * (_half_sphere() @ axes))


def cavity_faces() -> Int[np.ndarray, "340 3"]:
    """Triangles, counter-clockwise seen from the lips; the pole's degenerate ones are left out."""
    ring, sector = np.divmod(np.arange((_RINGS - 1) * _SECTORS), _SECTORS)
    here, beside = ring * _SECTORS + sector, ring * _SECTORS + (sector + 1) % _SECTORS
    outer = np.stack([here, here + _SECTORS, beside + _SECTORS], axis=1)
    inner = np.stack([here, beside + _SECTORS, beside], axis=1)[_SECTORS:]
    return np.concatenate([outer, inner])


def _half_sphere() -> Float[np.ndarray, "200 3"]:
    """Unit sphere about +z, from the pole at -z upwards; sector 0 lies at +x."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, 2 * _RINGS)[:_RINGS, None]
    longitude = np.arange(_SECTORS) * (2 * np.pi / _SECTORS)
    flat = np.cos(latitude)
    points = [flat * np.cos(longitude), flat * np.sin(longitude), np.broadcast_to(np.sin(latitude), (_RINGS, _SECTORS))]
    return np.stack(points, axis=-1).reshape(-1, 3)
