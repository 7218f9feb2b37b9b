"""Expressions borrowed from the picture of a face: tracked as one frame, told as controls."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from app.borrowed import BORROWED_REGIONS, Borrowed
from app.material import Several, plain_name
from app.stage import Stage, name_of
from app.thumbs import cut_face
from loki_core.head.arkit import read_controls
from loki_core.head.controls import CONTROLS
from loki_core.head.params import FlameParams
from loki_core.media.picture import flatten, read_picture
from loki_core.motion.clip import Motion
from loki_core.track.landmarks import FaceFinder, choose_face
from loki_core.track.portrait import frame_params, solve_portrait
from loki_core.track.reduced import reduce_head

__all__ = ["borrow", "face_strengths"]

_FPS = Fraction(25)
"""Rate of a motion of one frame: any will do."""
_LEAST = 0.02
"""Shares of units, and tenths of this many degrees, below which the fit only trembles."""


def borrow(stage: Stage, file: Path, name: str, face: int | None) -> tuple[str, Borrowed] | Several:
    """Track face number `face` (from 1, from the left; None: the only one) of a picture as one frame.

    Raises `InputError` when there is no face, or no picture.
    """
    picture = read_picture(file)
    seen = flatten(picture.rgb, picture.alpha)
    with FaceFinder() as finder:
        faces = finder.find(seen)
        if face is None and len(faces) > 1:
            return Several(tuple(cut_face(seen, found.landmarks[:, :2]) for found in faces))
        landmarks = finder.steady(seen, choose_face(faces, face))
    reduced = reduce_head(stage.head)
    identity, frames = solve_portrait(seen, landmarks, stage.head, reduced)
    params = frame_params(reduced, identity, frames)
    motion = Motion.of(params, fps=_FPS, head=stage.head.id, camera=identity.camera)
    key = name_of(picture.rgb.tobytes(), str(picture.rgb.shape).encode(), str(face or 1).encode())
    return key, Borrowed(plain_name(name), motion, _values(stage, params[0]), cut_face(seen, landmarks))


def face_strengths(stage: Stage, params: FlameParams) -> dict[str, float]:
    """Every control's value from the same person's face at rest, seen from the front, to `params` (batch shape ())."""
    rest = replace(stage.head.neutral(), betas=params.betas, translation=params.translation)
    return {name: float(value) for name, value in read_controls(stage.head, stage.units, params, rest).items()}


def _values(stage: Stage, params: FlameParams) -> dict[str, float]:
    strengths, values = face_strengths(stage, params), {}
    for known in CONTROLS:
        value = min(max(strengths[known.name], known.minimum), known.maximum)
        least = _LEAST if known.unit == "share" else 10 * _LEAST
        if known.group in BORROWED_REGIONS and known.unit != "cm" and abs(value) > least:
            values[known.name] = value
    return values
