"""What fixes a training run, as frozen values that are written beside its results."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from loki_core.data.folder import FolderConfig
from loki_core.data.samples import SyntheticConfig

__all__ = ["LossConfig", "OptimizerConfig", "TrainConfig"]


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW."""

    rate: float = 4e-4
    """Learning rate after the warm-up."""
    warm_up: int = 200
    """Steps in which the rate rises from 0."""
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    largest_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    averaging: float = 0.9995
    """Decay of the moving average of the weights, which is what is saved for use; smaller at first (diffusers' warm-up)."""


@dataclass(frozen=True)
class LossConfig:
    """Mean square error of the prediction."""

    drop: float = 0.1
    """Share of samples that are trained without map and reference, both at once, for guidance."""
    focus: float = 3.0
    """Extra weight of eyes, brows and mouth at the start."""
    focus_steps: int = 4000
    """Steps in which the extra weight fades; a lasting one leaves specks on the background."""
    levels: Literal["window", "each"] = "window"
    """Noise levels: one for all frames of a window, as in sampling, or each frame its own, as the paper trains."""
    pure: float = 0.0
    """Share of windows at the last level, where sampling begins. Frames that share their noise betray at every other one how they
    differ; there nothing is left of them, and how they differ has to come from what the network is told."""


@dataclass(frozen=True)
class TrainConfig:
    """A run is these values and the code."""

    preset: str = "mini"
    batch: int = 8
    """Windows of a step on one device."""
    accumulate: int = 1
    """Batches whose gradients are added up for one step."""
    precision: Literal["no", "bf16", "fp16"] = "bf16"
    seed: int = 0
    workers: int = 1
    """Processes that draw windows meanwhile; 0 = the training process itself. No influence on what is drawn."""
    data: SyntheticConfig | FolderConfig = field(default_factory=SyntheticConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    save_every: int = 250
    """Steps between states that a run can go on from."""
    log_every: int = 10
    checkpointing: bool = False
    """Activations are computed again for the gradients instead of kept: less memory, a third more work."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)
