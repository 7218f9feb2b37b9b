"""How Loki's networks are trained, by the name of their preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from loki_core.data.folder import FolderConfig
from loki_core.data.samples import SyntheticConfig
from loki_core.training.config import LossConfig, OptimizerConfig, TrainConfig

__all__ = ["LOKI_RUNS", "loki_run"]

LOKI_RUNS: Mapping[str, TrainConfig] = MappingProxyType(
    {
        "mini": TrainConfig(),
        "sd21": TrainConfig(
            preset="sd21",
            batch=2,
            workers=8,
            data=SyntheticConfig(size=512, frames=16, clips=1.0),
            # the paper's, as its released configuration has it: docs/loki_sd21.md
            optimizer=OptimizerConfig(rate=1e-4, warm_up=1, betas=(0.9, 0.999), averaging=0.9999),
            loss=LossConfig(focus=0.0, levels="each"),
            checkpointing=True,
        ),
    }
)


def loki_run(preset: str, data: FolderConfig | None = None, *, seed: int = 0) -> TrainConfig:
    """The run of a preset that `LOKI_RUNS` has, on synthetic portraits or on `data`, all drawn after `seed`."""
    run = LOKI_RUNS[preset]
    return replace(run, seed=seed, data=replace(data or run.data, seed=seed))
