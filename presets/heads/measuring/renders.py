"""Coloured renders of random people, and what MediaPipe makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from tqdm import tqdm

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.rotation import rotation_matrix
from loki_core.track.coloured import random_look, render_coloured
from loki_core.track.landmarks import FaceFinder, choose_face
from loki_core.track.reader import brow_strip
from loki_core.track.synthetic import PoseRange, random_camera, random_person, random_strengths, stand_before

__all__ = ["Renders", "chunks", "mirrored_units", "render_people"]

_LEAST_SCORE = 0.3
"""Of the face detector: renders that it doubts count too, so that the far ends of the poses are measured."""
_CHUNK = 64
"""Heads whose vertices are held at a time."""


@dataclass(frozen=True, eq=False)
class Renders:
    """Truth and landmarks of B renders."""

    who: Int[np.ndarray, "B"]
    """Number of the person."""
    params: FlameParams
    """Batch shape (B,)."""
    focal: Float[np.ndarray, "B"]
    """Pixels."""
    landmarks: Float[np.ndarray, "B L 2"]
    """Pixels from the middle of the picture, right and down."""
    strips: UInt8[np.ndarray, "B h w"]
    """Brows, as `brow_strip` cuts them."""

    def __len__(self) -> int:
        return len(self.who)

    def __getitem__(self, index: slice) -> Renders:
        return Renders(*(getattr(self, f.name)[index] for f in fields(self)))

    def joined(self, other: Renders) -> Renders:
        """These, then the other's; people of both may share numbers."""
        params = {f.name: torch.cat([getattr(r.params, f.name) for r in (self, other)]) for f in fields(FlameParams)}
        rest = {f.name: np.concatenate([getattr(r, f.name) for r in (self, other)]) for f in fields(self) if f.name != "params"}
        return Renders(params=FlameParams(**params), **rest)

    @property
    def turn(self) -> Float[np.ndarray, "B 3 3"]:
        """Rotation of the head."""
        return rotation_matrix(self.params.global_orient).numpy().astype(np.float64)

    @property
    def units(self) -> Float[np.ndarray, "B E"]:
        """Expression."""
        return self.params.expression.numpy().astype(np.float64)


def render_people(
    head: HeadModel, *, people: int, frames: int, rng: np.random.Generator, reach: PoseRange, label: str
) -> Renders:
    """Render `people`, each in `frames` expressions and poses with one look and camera, but for frames without a found face."""
    rows = []
    with FaceFinder(min_score=_LEAST_SCORE) as finder:
        for who in tqdm(range(people), desc=label, unit="person"):
            look, camera = random_look(rng), random_camera(rng)
            first = random_person(head, random_strengths(head, rng), rng, reach)
            for _ in range(frames):
                params = replace(random_person(head, random_strengths(head, rng), rng, reach), betas=first.betas)
                params = stand_before(head, params, camera, rng)
                picture = render_coloured(head, params, camera, look)
                if faces := finder.find(picture):
                    landmarks = choose_face(faces, None).landmarks[:, :2]
                    centred = landmarks - [camera.cx, camera.cy]
                    rows.append((who, params, camera.focal, centred, brow_strip(picture, landmarks)))
    who_, params_, focal, landmarks_, strips = zip(*rows, strict=True)
    joined = FlameParams(**{f.name: torch.stack([getattr(p, f.name) for p in params_]) for f in fields(FlameParams)})
    return Renders(np.array(who_), joined, np.array(focal, dtype=np.float64), np.stack(landmarks_), np.stack(strips))


def chunks(head: HeadModel, renders: Renders) -> Iterator[tuple[Float[np.ndarray, "B V 3"], slice]]:
    """Posed vertices of all renders, metres in camera space, some at a time."""
    for first in range(0, len(renders), _CHUNK):
        part = slice(first, min(first + _CHUNK, len(renders)))
        yield pose_vertices(head, renders.params[part]).numpy().astype(np.float64), part


def mirrored_units(names: tuple[str, ...]) -> Int[np.ndarray, "E"]:
    """For each unit the one that does the same on the other side."""
    swapped = [n.replace("Left", "?").replace("Right", "Left").replace("?", "Right") for n in names]
    return np.array([names.index(name) for name in swapped])
