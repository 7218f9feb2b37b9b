"""Learning a sparse dictionary of facial motion: few directions, each of few units, whose sums are the faces of a set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float
from sklearn.decomposition import DictionaryLearning  # type: ignore[import-untyped]  # it carries no type information

from loki_core.head.controls import ARKIT_UNITS, control
from loki_core.head.model import HeadModel
from loki_core.motion.dictionary import MotionDirection
from loki_core.motion.generators import (
    BlinkSettings,
    BreathingSettings,
    IdleSettings,
    SaccadeSettings,
    blinks,
    breathing,
    idle,
    saccades,
)
from loki_core.motion.presets import ExpressionPreset, MotionPreset, sample_controls
from loki_core.track.synthetic import random_strengths

__all__ = ["explained", "face_samples", "learn_directions"]

_FPS = Fraction(5)
_SECONDS = 20
_LEAST = 0.12
"""Share of its largest unit below which a direction leaves a unit alone."""
_NAMED = 0.5
"""Share from which on a unit is part of the name."""


def face_samples(
    head: HeadModel, expressions: Iterable[ExpressionPreset], motions: Iterable[MotionPreset], *, drawn: int, seed: int
) -> Float[np.ndarray, "N U"]:
    """Strengths of ARKit's units in presets, in what generators make, and in `drawn` random faces."""
    rng, frames = np.random.default_rng(seed), _SECONDS * int(_FPS)
    rows = [_columns({name: np.array([value]) for name, value in preset.values}) for preset in expressions]
    for motion in motions:
        times = np.arange(0, motion.duration, float(1 / _FPS))
        rows.append(_columns(dict(sample_controls(motion, times))))
    made = (
        blinks(frames, _FPS, BlinkSettings(), seed=seed),
        saccades(frames, _FPS, SaccadeSettings(), seed=seed),
        breathing(frames, _FPS, BreathingSettings(), seed=seed),
        idle(frames, _FPS, IdleSettings(), seed=seed),
    )
    rows += [_columns(dict(values)) for values in made]
    names = {name: index for index, name in enumerate(head.expression_names)}
    for _ in range(drawn):
        strengths = random_strengths(head, rng)
        rows.append(_columns({n: strengths[names[n]].numpy()[None] for n in ARKIT_UNITS if n in names}))
    return np.concatenate(rows)


def learn_directions(samples: Float[np.ndarray, "N U"], count: int, *, sparsity: float, seed: int) -> tuple[MotionDirection, ...]:
    """A dictionary of `count` directions with strengths and shares of at least 0 (Mairal et al. 2009, online dictionary learning;
    scikit-learn's, by coordinate descent), those that faces use most first. Samples at rest are left out."""
    moved = samples[np.abs(samples).max(1) > 0.02]
    model = DictionaryLearning(
        count,
        alpha=sparsity,
        max_iter=60,
        fit_algorithm="cd",
        transform_algorithm="lasso_cd",
        positive_code=True,
        positive_dict=True,
        random_state=seed,
    )
    codes = model.fit_transform(moved)
    atoms = np.asarray(model.components_)
    used = [index for index in np.argsort(-(codes * np.linalg.norm(atoms, axis=1)).sum(0)) if atoms[index].max() > 0]
    made: dict[str, MotionDirection] = {}
    for index in used:
        direction = _direction(atoms[index] / atoms[index].max())
        made.setdefault(direction.name, direction)
    return tuple(made.values())


def explained(samples: Float[np.ndarray, "N U"], directions: tuple[MotionDirection, ...]) -> float:
    """Share of the samples' squared strengths that sums of the directions reach, at best."""
    atoms = np.zeros((len(ARKIT_UNITS), len(directions)))
    for column, direction in enumerate(directions):
        for name, share in direction.units:
            atoms[ARKIT_UNITS.index(name), column] = share
    codes, *_ = torch.linalg.lstsq(torch.from_numpy(atoms), torch.from_numpy(samples.T), driver="gelsd")
    left = samples - (atoms @ codes.numpy()).T
    return float(1 - (left**2).sum() / (samples**2).sum())


def _columns(values: Mapping[str, np.ndarray]) -> Float[np.ndarray, "T U"]:
    """Units that are not named are at rest."""
    length = max((len(column) for column in values.values()), default=0)
    rest = np.zeros(length)
    return np.stack([np.asarray(values.get(name, rest), dtype=np.float64) for name in ARKIT_UNITS], axis=1)


def _direction(shares: Float[np.ndarray, "U"]) -> MotionDirection:
    order = [index for index in np.argsort(-shares) if shares[index] >= _LEAST]
    units = tuple((ARKIT_UNITS[index], round(float(shares[index]), 3)) for index in order)
    leading = [name for name, share in units if share >= _NAMED]
    return MotionDirection(
        "And".join(_stem(name, first=not at) for at, name in enumerate(_stems(leading))), _label(leading), units
    )


def _stems(names: list[str]) -> list[str]:
    """Both sides of a movement once; no more than two movements."""
    both = {name.removesuffix("Left").removesuffix("Right") for name in names if _sides(name) <= set(names)}
    return list(dict.fromkeys(s if (s := n.removesuffix("Left").removesuffix("Right")) in both else n for n in names))[:2]


def _sides(name: str) -> set[str]:
    stem = name.removesuffix("Left").removesuffix("Right")
    return {f"{stem}Left", f"{stem}Right"}


def _stem(name: str, *, first: bool) -> str:
    return name if first else name[0].upper() + name[1:]


def _label(names: list[str]) -> str:
    """The labels of the leading controls, without sides where both move."""
    words = []
    for stem in _stems(names):
        known = stem if stem in ARKIT_UNITS else f"{stem}Left"
        label = control(known).label
        words.append(label if known == stem else label.removesuffix(", left"))
    return " + ".join(words)
