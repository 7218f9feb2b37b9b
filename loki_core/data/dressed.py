"""A head with hair and clothes: shells that are added to the mesh of one person. Template coordinates, metres."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from loki_core.data.appearance import Appearance, Hair
from loki_core.data.shading import CLOTHES, HAIR
from loki_core.head.model import HeadModel

__all__ = ["Dressed", "dress", "patches"]

_ROUND = 28
"""Vertices of a ring of the body."""
_BODY = np.array(
    [[-0.095, 0.046, 0.046], [-0.115, 0.055, 0.052], [-0.13, 0.075, 0.062], [-0.145, 0.11, 0.075], [-0.165, 0.155, 0.09],
     [-0.20, 0.19, 0.10], [-0.26, 0.205, 0.11], [-0.36, 0.20, 0.12], [-0.6, 0.20, 0.12]]
)  # fmt: skip
"""Rings of the body from the neck down: height, half width, half depth."""
_BODY_Z = -0.035
_SPREADING = 3
"""Rounds in which the scalp's edge is softened."""


@dataclass(frozen=True, eq=False)
class Dressed:
    """The person's whole mesh: vertices and faces of the head, then the hair's, then the body's; last, the hair's inside."""

    faces: Int[Tensor, "G 3"]
    outside: int
    """Faces before the hair's inside."""
    kinds: Int[Tensor, "G"]
    """`PART_NAMES`, then HAIR and CLOTHES; int32."""
    places: Float[Tensor, "N 3"]
    """Template coordinates."""
    colours: Float[Tensor, "N 3"]
    """sRGB in [0, 1]."""
    roots: Int[Tensor, "H"]
    """The head's vertex under each of the hair's."""
    hair: Float[Tensor, "H 3"]
    """Where the hair's vertices lie from their roots, in the head's axes."""
    body: Float[Tensor, "M 3"]
    """The body's vertices."""


def dress(head: HeadModel, look: Appearance) -> Dressed:
    """The mesh of a person of that look on the template of `head`."""
    rng = np.random.default_rng(look.texture)
    place = head.template.numpy()
    roots, hair_faces, offsets = _hair_shell(head, look.hair, rng)
    body, body_faces = _body()
    base = len(place)
    hair_faces = hair_faces + base
    streaks = 1 + 0.08 * patches(place[roots], 0.015, rng)[:, None]
    places = np.concatenate([place, place[roots] + offsets, body])
    colours = np.concatenate([_head_colours(head, look, rng), look.hair.colour * streaks, _body_colours(body, look)])
    faces = np.concatenate([head.faces.numpy(), hair_faces, body_faces + base + len(roots), hair_faces[:, ::-1]])
    counts = (len(hair_faces), len(body_faces), len(hair_faces))
    kinds = np.concatenate([head.face_part.numpy(), *(np.full(n, k) for n, k in zip(counts, (HAIR, CLOTHES, HAIR), strict=True))])
    return Dressed(
        torch.from_numpy(faces).int(),
        len(faces) - len(hair_faces),
        torch.from_numpy(kinds).int(),
        torch.from_numpy(places).float(),
        torch.from_numpy(colours.clip(0, 1)).float(),
        torch.from_numpy(roots),
        torch.from_numpy(offsets).float(),
        torch.from_numpy(body).float(),
    )


def patches(place: Float[np.ndarray, "N 3"], size: float, rng: np.random.Generator) -> Float[np.ndarray, "N"]:
    """Smooth noise about N(0, 1) in space, its patches some `size` metres large: a sum of waves."""
    waves = rng.standard_normal((12, 3)) / size
    return np.cos(place @ waves.T + rng.uniform(0, 2 * np.pi, 12)).sum(1) * np.sqrt(2 / 12)


def _head_colours(head: HeadModel, look: Appearance, rng: np.random.Generator) -> Float[np.ndarray, "V 3"]:
    """Skin with blotches, blush, freckles, beard, lips and what shows of the scalp."""
    place, skin, masks = head.template.numpy(), look.skin, {k: m.numpy() for k, m in head.vertex_masks.items()}
    x, y, z = np.abs(place[:, 0]), place[:, 1], place[:, 2]
    colour = skin.tone * (1 + skin.blotches * patches(place, 0.03, rng)[:, None])
    cheeks = np.exp(-((x - 0.04) ** 2 + (y + 0.025) ** 2) / 0.02**2) * (z > 0.03)
    nose = np.exp(-(x**2 + (y + 0.02) ** 2) / 0.012**2) * (z > 0.08)
    blush = skin.redness * np.maximum(cheeks, nose)[:, None]
    colour = colour * (1 - blush * np.array([0, 0.45, 0.4]))
    spots = (rng.random(len(place)) < 0.3) * np.exp(-(x**2 / 0.05**2 + (y + 0.01) ** 2 / 0.03**2)) * (z > 0.03)
    colour = colour * (1 - 0.5 * skin.freckles * spots[:, None] * [0.6, 0.9, 1])
    low = np.clip((-0.048 - y + 1.1 * np.maximum(x - 0.035, 0)) / 0.012, 0, 1)
    moustache = np.exp(-(((y + 0.0435) / 0.006) ** 2)) * (x < 0.028)
    hairy = np.maximum(low, moustache) * np.clip(z / 0.02, 0, 1) * (y > -0.112) * ~masks["lips"]
    uneven = 1 + 0.25 * patches(place, 0.008, rng)
    share = (skin.beard * hairy * uneven).clip(0, 0.97)[:, None]
    colour = colour + (look.hair.colour * 0.8 - colour) * share
    colour[masks["lips"]] = skin.lips
    shade = 0.5 if look.hair.thickness == 0 else 1
    scalp = np.clip(_grown(head, look.hair) * 2, 0, 1)[:, None]
    return colour + (look.hair.colour - colour) * scalp * shade * (look.hair.thickness > 0)


def _grown(head: HeadModel, hair: Hair) -> Float[np.ndarray, "V"]:
    """Where hair grows: 1 inside, 0 from the hairline on."""
    place = head.template.numpy()
    x, y, z = np.abs(place[:, 0]), place[:, 1], place[:, 2]
    share = _soft_scalp(head)
    if hair.fringe > 0:
        reach = np.clip((y - 0.09 + 0.045 * hair.fringe) / 0.012, 0, 1) * np.clip((0.07 - x) / 0.008, 0, 1)
        share = np.maximum(share, reach * (z > 0))
    return np.clip(share - np.where((z > 0.02) & (hair.fringe == 0), 0.5 * hair.receding, 0.15), 0, 1)


@lru_cache(maxsize=2)
def _soft_scalp(head: HeadModel) -> Float[np.ndarray, "V"]:
    """The scalp with a soft edge, without ears and what lies below and before them."""
    place, masks, faces = head.template.numpy(), head.vertex_masks, head.faces.numpy()
    share = masks["scalp"].numpy().astype(np.float64)
    corners = np.bincount(faces.ravel(), minlength=len(share)).clip(1)
    for _ in range(_SPREADING):
        share = np.bincount(faces.ravel(), share[faces].mean(1).repeat(3), minlength=len(share)) / corners
    bare = (place[:, 1] < 0.005) & (place[:, 2] > -0.035)
    ears = [masks[name].numpy() for name in ("ear_left", "ear_right") if name in masks]
    return share * head.outer_vertices.numpy() * ~np.any([bare, *ears], axis=0)


def _hair_shell(
    head: HeadModel, hair: Hair, rng: np.random.Generator
) -> tuple[Int[np.ndarray, "H"], Int[np.ndarray, "K 3"], Float[np.ndarray, "H 3"]]:
    """Roots, faces and offsets; empty for a bald head."""
    if hair.thickness == 0:
        return np.zeros(0, np.int64), np.zeros((0, 3), np.int64), np.zeros((0, 3))
    place, faces = head.template.numpy().astype(np.float64), head.faces.numpy()
    share = _grown(head, hair)
    kept = faces[(share[faces] > 0.02).all(1)]
    roots, flat = np.unique(kept, return_inverse=True)
    at, grown = place[roots], share[roots]
    away = at - [0, 0.02, -0.02]
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    lump = hair.lump * np.exp(-((at - hair.lump_at) ** 2).sum(1) / 0.05**2)
    thick = (0.004 + hair.thickness * (1 + hair.curls * patches(at, 0.012, rng)) + lump) * np.sqrt(grown)
    offsets = away * thick[:, None]
    hanging = np.clip((0.05 - at[:, 1]) / 0.1, 0, 1) ** 1.5 * (at[:, 2] < 0.05)
    offsets[:, 1] -= hair.length * hanging
    offsets[:, 0] += np.sign(at[:, 0]) * 0.15 * hair.length * hanging
    return roots, flat.reshape(-1, 3), offsets


def _body() -> tuple[Float[np.ndarray, "M 3"], Int[np.ndarray, "K 3"]]:
    """Neck, shoulders and chest as rings."""
    turn = np.arange(_ROUND) * 2 * np.pi / _ROUND
    rings = [
        np.stack([np.sin(turn) * wide, np.full(_ROUND, y), np.cos(turn) * deep + _BODY_Z], axis=1) for y, wide, deep in _BODY
    ]
    lower, around = np.meshgrid(np.arange(len(_BODY) - 1), np.arange(_ROUND), indexing="ij")
    a, b = lower * _ROUND + around, lower * _ROUND + (around + 1) % _ROUND
    faces = np.concatenate([np.stack([a, a + _ROUND, b], -1), np.stack([b, a + _ROUND, b + _ROUND], -1)]).reshape(-1, 3)
    return np.concatenate(rings), faces


def _body_colours(body: Float[np.ndarray, "M 3"], look: Appearance) -> Float[np.ndarray, "M 3"]:
    """Cloth below the neckline, which is lower in front, skin above."""
    cloth, other = look.clothes
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * look.stripes * body[:, 1]) if look.stripes else np.zeros(len(body))
    colour = cloth + (other - cloth) * wave[:, None]
    dip = max(look.neckline, 0.0) * np.exp(-((body[:, 0] / 0.06) ** 2)) * (body[:, 2] > _BODY_Z)
    bare = np.clip((body[:, 1] + 0.118 + min(look.neckline, 0.0) + dip) / 0.006 + 0.5, 0, 1)
    return colour + (look.skin.tone * 0.95 - colour) * bare[:, None]
