"""How much of who drives can be read from the driver maps: the maps are drawn on a head of that shape, so some of it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from loki_core.data.portraits import random_identity
from loki_core.data.samples import HELD_OUT_SEED, SyntheticConfig, SyntheticWindows
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, head_crop, project
from loki_core.raster.driver_map import driver_map

__all__ = ["Leakage", "measure_leakage"]

_SIDE = 16
"""Pixels that maps are shrunk to before they are compared."""
_RIDGE = 1e-2
"""Of the linear probe, over the mean square of a feature."""


@dataclass(frozen=True)
class Leakage:
    """Share of maps whose driver is named rightly, out of `drivers`; `chance` is 1 over that."""

    own_nearest: float
    """On the drivers' own heads: by the nearest known map."""
    own_linear: float
    """On the drivers' own heads: by a linear probe."""
    portrait_nearest: float
    """The same motions on one portrait's head."""
    portrait_linear: float
    drivers: int
    poses: int
    """Of each driver; half of them are known, the other half is asked for."""

    @property
    def chance(self) -> float:
        return 1 / self.drivers


def measure_leakage(head: HeadModel, *, drivers: int, poses: int, size: int = 64) -> Leakage:
    """Name the drivers of random poses from their maps alone, of `size` pixels.

    Each driver has random poses and expressions, before one camera in the network's own crop. The maps are drawn with the
    driver's shape, then with the shape of one portrait for all: there only habits of motion could tell, and these drivers have
    none, so that the second figures show what chance gives.
    """
    if drivers < 2 or poses < 2 or poses % 2:
        raise ValueError(f"expected at least 2 drivers and an even number of poses, got {drivers} and {poses}")
    windows = SyntheticWindows(head, SyntheticConfig(size=_SIDE, frames=poses, clips=0.0, still=0.0, seed=HELD_OUT_SEED + 4))
    motions = [windows[index].coefficients for index in range(drivers)]
    portrait = random_identity(head, np.random.default_rng([HELD_OUT_SEED + 5, 0]))
    own = _features(head, motions, size)
    borrowed = _features(head, [replace(m, betas=portrait.expand(poses, -1)) for m in motions], size)
    return Leakage(*_named(own, drivers), *_named(borrowed, drivers), drivers, poses)


def _features(head: HeadModel, motions: Sequence[FlameParams], size: int) -> Float[Tensor, "D N K"]:
    """Small maps as rows: drivers, then poses."""
    return torch.stack([torch.stack([_small_map(head, motion[t], size) for t in range(len(motion.betas))]) for motion in motions])


def _small_map(head: HeadModel, params: FlameParams, size: int) -> Float[Tensor, "K"]:
    """One size and place for all: the crop follows the head."""
    camera = Camera(2.0 * 512, 256, 256, 512, 512)
    placed = replace(params, translation=torch.tensor([0.0, 0.0, -0.8]))
    crop = head_crop(project(camera, pose_vertices(head, placed)))
    drawn = driver_map(head, placed, camera, crop, size=(size, size)).map.float()
    return F.adaptive_avg_pool2d(drawn, _SIDE).flatten()


def _named(features: Float[Tensor, "D N K"], drivers: int) -> tuple[float, float]:
    """Shares by the nearest known map and by the linear probe."""
    half = features.shape[1] // 2
    known, asked = features[:, :half].flatten(0, 1), features[:, half:].flatten(0, 1)
    known_names = torch.arange(drivers).repeat_interleave(half)
    asked_names = torch.arange(drivers).repeat_interleave(features.shape[1] - half)
    nearest = known_names[torch.cdist(asked, known).argmin(1)]
    return _share(nearest, asked_names), _share(_linear(known, known_names, asked, drivers), asked_names)


def _linear(known: Float[Tensor, "M K"], names: Int[Tensor, "M"], asked: Float[Tensor, "P K"], drivers: int) -> Int[Tensor, "P"]:
    """Ridge regression to one-hot names, in its dual form: there are more channels than maps."""
    mean = known.mean(0)
    rows, questions = (known - mean).double(), (asked - mean).double()
    kernel = rows @ rows.T
    ridge = _RIDGE * kernel.diagonal().mean() * torch.eye(len(rows), dtype=torch.float64)
    weights = torch.linalg.solve(kernel + ridge, F.one_hot(names, drivers).double() - 1 / drivers)
    return (questions @ rows.T @ weights).argmax(1)


def _share(found: Int[Tensor, "P"], names: Int[Tensor, "P"]) -> float:
    return float((found == names).float().mean())
