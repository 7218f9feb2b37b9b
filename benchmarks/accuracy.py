"""How well the tracker recovers heads whose pose and expression are known: coloured renders of random people."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from benchmarks.measure import Measurement
from loki_core.head.embedded import embedded_head
from loki_core.head.model import HeadModel
from loki_core.track.coloured import random_look, render_coloured
from loki_core.track.landmarks import FaceFinder, choose_face
from loki_core.track.portrait import solve_portrait
from loki_core.track.posing import pose_landmarks, project_points
from loki_core.track.reduced import LandmarkHead, reduce_head, rotations, shape_head
from loki_core.track.synthetic import PoseRange, random_camera, random_person, random_strengths, stand_before

__all__ = ["run"]

_HEADS = 440
_SEED = 20_000_000
"""The renders that the reader learns from have smaller seeds (presets/heads/measure_anchors.py)."""
_OUTER_CORNERS = (33, 263)
_BUDGETS = {
    "blink": (("eyeBlinkLeft", "eyeBlinkRight"), 0.7),
    "smile": (("mouthSmileLeft", "mouthSmileRight"), 0.7),
    "brow raise": (("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), 0.7),
}
"""Movements: their units, and the correlation that is asked of their sums."""


@dataclass(frozen=True, eq=False)
class _Outcome:
    """One tracked head beside its truth."""

    turned: float
    """Degrees between the true and the recovered rotation."""
    jaw: Float[np.ndarray, "2"]
    """Radians that the jaw opens: true, recovered."""
    units: Float[np.ndarray, "2 E"]
    """True, recovered."""
    missed: float
    """Mean reprojection error, percent of the distance between the outer eye corners."""


def run() -> list[Measurement]:
    """Each head is a new person with a new face, tracked as a portrait is. Deterministic; takes about three minutes."""
    head = embedded_head()
    reduced, outcomes = reduce_head(head), []
    with FaceFinder() as finder:
        for index in range(_HEADS):
            outcomes.append(_track(finder, head, reduced, np.random.default_rng(_SEED + index)))
            print(f"\raccuracy: head {index + 1} of {_HEADS}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return _summarise([o for o in outcomes if o is not None], head.expression_names)


def _track(finder: FaceFinder, head: HeadModel, reduced: LandmarkHead, rng: np.random.Generator) -> _Outcome | None:
    """None when no face is found."""
    look, camera = random_look(rng), random_camera(rng)
    true = random_person(head, random_strengths(head, rng), rng, PoseRange())
    true = stand_before(head, true, camera, rng)
    picture = render_coloured(head, true, camera, look)
    faces = finder.find(picture)
    if not faces:
        return None
    landmarks = finder.steady(picture, choose_face(faces, None))
    identity, frames = solve_portrait(picture, landmarks, head, reduced)
    apart = Rotation.from_matrix(frames.turn[0] @ rotations(true.global_orient.numpy().astype(np.float64)).T)
    points = pose_landmarks(shape_head(reduced, identity.betas), frames).points[0]
    missed = np.linalg.norm(project_points(identity.camera, points) - landmarks, axis=1).mean()
    width = np.linalg.norm(np.subtract(*landmarks[list(_OUTER_CORNERS)]))
    return _Outcome(
        turned=float(np.degrees(apart.magnitude())),
        jaw=np.array([float(true.jaw_pose[0]), frames.total_joints(reduced.unit_turns)[0, 0, 0]]),
        units=np.stack([true.expression.numpy().astype(np.float64), frames.units[0]]),
        missed=float(100 * missed / width),
    )


def _summarise(outcomes: list[_Outcome], names: tuple[str, ...]) -> list[Measurement]:
    turned = np.array([o.turned for o in outcomes])
    jaw, units = np.stack([o.jaw for o in outcomes], axis=1), np.stack([o.units for o in outcomes], axis=1)
    figures = [
        Measurement("tracking, heads found", 100 * len(outcomes) / _HEADS, "%"),
        Measurement("tracking, rotation error, mean", float(turned.mean()), "degrees", "<= 3"),
        Measurement("tracking, rotation error, 95th percentile", float(np.percentile(turned, 95)), "degrees", "<= 7"),
        Measurement("tracking, jaw opening", float(np.corrcoef(*jaw)[0, 1]), "corr.", ">= 0.9"),
    ]
    for movement, (members, least) in _BUDGETS.items():
        true, found = units[..., [names.index(name) for name in members]].sum(-1)
        figures.append(Measurement(f"tracking, {movement}", float(np.corrcoef(true, found)[0, 1]), "corr.", f">= {least}"))
    missed = float(np.mean([o.missed for o in outcomes]))
    return [*figures, Measurement("tracking, reprojection error", missed, "% of eyes")]
