"""The runs of DeX-Portrait's two stages. All numbers are ours: docs/decisions/0014-dex.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from loki_core.data.samples import SyntheticConfig
from loki_core.dex.configs import DexConfig, DexPart, MotionConfig, dex_preset, dex_without, motion_without
from loki_core.errors import InputError
from loki_core.training.config import LossConfig, OptimizerConfig, TrainConfig

__all__ = ["DEX_RUNS", "DexRun", "MotionRun", "after_known", "run_without", "seeded"]


@dataclass(frozen=True)
class MotionRun:
    """The first stage."""

    network: MotionConfig
    train: TrainConfig
    known: int = 2500
    """Steps at the start in which the encoders learn alone, from known poses and faces."""
    hint: float = 1.0
    """Weight of what is known behind that."""
    hint_steps: int = 4000
    """Steps in which it fades; what pose and expression are in the end, the pictures say."""
    change: float = 1.0
    """Weight of what is not drawn of a change of expression: `change_error`."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)


@dataclass(frozen=True)
class DexRun:
    """The second stage; in the paper a second and, on clips, a third."""

    network: DexConfig
    train: TrainConfig
    faceless: float = 0.1
    """Share of samples that are trained without expression, for progressive guidance."""
    sketch: float = 0.1
    """Weight of what is wrong in the motion trainer's drawing of the frames and of their change; it learns by that and by what is
    predicted from it."""
    change: float = 1.0
    """Weight of what is wrong in the change of expression that is predicted from noise alone, or from what the network itself has
    drawn: `change_error` of clean latents."""
    own: float = 0.6
    """Share of the windows where what the network itself has drawn stands below the noise, as in sampling, and not the truth."""
    loud: float = 0.01
    """Weight of how much too loud the blocks of the UNets are: `heard`."""

    def __post_init__(self) -> None:
        if (self.change or self.own) and self.network.schedule.prediction == "epsilon":
            raise ValueError(
                "expected no change and nothing of its own with a network that predicts noise, which says little of frames"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)


DEX_RUNS: Mapping[str, MotionRun | DexRun] = MappingProxyType(
    {
        "dex-motion-mini": MotionRun(
            dex_preset("mini").motion,
            TrainConfig(
                preset="dex-motion-mini",
                data=SyntheticConfig(size=64, frames=7, clips=0.0, still=0.0),
                optimizer=OptimizerConfig(rate=1e-3),
                loss=LossConfig(focus=10.0, focus_steps=100_000),  # what is drawn is to teach expression
            ),
        ),
        "dex-mini": DexRun(
            dex_preset("mini"),
            TrainConfig(
                preset="dex-mini",
                data=SyntheticConfig(size=64, frames=5, still=0.0),
                loss=LossConfig(focus=4.0, pure=0.25),  # the UNets know heads already
            ),
        ),
    }
)
"""By the name of their preset."""


def seeded(run: MotionRun | DexRun, seed: int) -> MotionRun | DexRun:
    """The run with other people, noise and first weights."""
    return replace(run, train=replace(run.train, seed=seed, data=replace(run.train.data, seed=seed)))


def after_known(run: MotionRun) -> MotionRun:
    """The run of a network that begins with encoders that have learned from known poses and faces."""
    return replace(run, known=0)


def run_without(run: MotionRun | DexRun, part: DexPart) -> MotionRun | DexRun:
    """The run of a network without one part, to see what it is worth. Raises `InputError` for a part that it has not."""
    if isinstance(run, DexRun):
        return replace(run, network=dex_without(run.network, part))
    if part != "augmentation":
        raise InputError(f"expected --without augmentation for motion encoders, got {part}; the animator has that")
    return replace(run, network=motion_without(run.network))
