"""What DeX-Portrait is trained on: synthetic people, each with a source picture whose features are known to be masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from torch import Tensor

from loki_core.data.samples import SyntheticConfig, SyntheticWindows, stack_params
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.motion.apart import with_pose

__all__ = ["DRIVERS", "SOURCE", "VIEWS", "DrivenWindows"]

SOURCE, DRIVERS, VIEWS = 0, slice(1, None, 2), slice(2, None, 2)
"""Targets of a window of views: the source, then drivers and, behind each, its face seen in another pose."""


class DrivenWindows(SyntheticWindows):
    """Windows whose first target is the source: a picture of the person in a pose and with a face of its own.

    `views`: then drivers, each with another view of the same instant. `clip`: then frames as the configuration says. The last two
    drivers, or frames, have one pose, so that nothing but their expressions differs.
    """

    def __init__(self, head: HeadModel, config: SyntheticConfig, kind: Literal["views", "clip"]) -> None:
        if kind == "views" and (config.frames < 5 or config.frames % 2 == 0):
            raise ValueError(f"expected a source and two or more pairs of driver and view, got {config.frames} targets")
        if config.frames < 3:
            raise ValueError(f"expected a source and two or more frames, got {config.frames} targets")
        super().__init__(head, config)
        self.kind = kind

    def _poses(self, betas: Float[Tensor, "S"], rng: np.random.Generator) -> FlameParams:
        poses = super()._poses(betas, rng)
        each = [poses[index] for index in range(self.config.frames + 1)]  # the reference comes first, then the targets
        each[1 + SOURCE] = replace(self._face(rng), betas=betas)
        if self.kind == "views":
            targets = each[1:]
            targets[VIEWS] = [with_pose(driver, replace(self._face(rng), betas=betas)) for driver in targets[DRIVERS]]
            each[1:] = targets
        return stack_params(each)

    def _arranged(self, params: FlameParams) -> FlameParams:
        each = [params[index] for index in range(self.config.frames + 1)]
        *_, before, last = range(1, len(each))[DRIVERS if self.kind == "views" else slice(None)]
        each[last] = with_pose(each[last], each[before])
        return stack_params(each)
