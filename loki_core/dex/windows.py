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

__all__ = ["DRIVER", "SOURCE", "VIEW", "DrivenWindows"]

SOURCE, DRIVER, VIEW = 0, 1, 2
"""Targets of a window of views: the source, the driver, and the driver's face seen in another pose."""


class DrivenWindows(SyntheticWindows):
    """Windows whose first target is the source: a picture of the person in a pose and with a face of its own.

    `views`: then the driver, and another view of the same instant. `clip`: then frames as the configuration says.
    """

    def __init__(self, head: HeadModel, config: SyntheticConfig, kind: Literal["views", "clip"]) -> None:
        if kind == "views" and config.frames != VIEW + 1:
            raise ValueError(f"expected windows of {VIEW + 1} targets, source, driver and view, got {config.frames}")
        if config.frames < VIEW:
            raise ValueError(f"expected a source and at least one target, got {config.frames}")
        super().__init__(head, config)
        self.kind = kind

    def _poses(self, betas: Float[Tensor, "S"], rng: np.random.Generator) -> FlameParams:
        poses = super()._poses(betas, rng)
        each = [poses[index] for index in range(self.config.frames + 1)]  # the reference comes first, then the targets
        each[1 + SOURCE] = replace(self._face(rng), betas=betas)
        if self.kind == "views":
            each[1 + VIEW] = with_pose(each[1 + DRIVER], replace(self._face(rng), betas=betas))
        return stack_params(each)
