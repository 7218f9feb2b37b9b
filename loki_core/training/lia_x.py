"""Training of LIA-X at small scale: one picture of a person is redrawn as another, through a sparse dictionary of motion.

The losses are those of the paper (arXiv 2508.09959) as far as they can be had here: L1, the L1 norm of the motion coefficients,
and in place of features of VGG, whose weights do not come with this project, differences of the pictures' Laplacian pyramids.
There is no discriminator. The paper does not tell its weights: these are ours.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor, nn

from loki_core.data.samples import Batch, SyntheticConfig
from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.model import HeadModel
from loki_core.lia_x.generator import Generator, LiaXConfig
from loki_core.training.config import OptimizerConfig, TrainConfig
from loki_core.training.loop import TrainingLoop
from loki_core.training.pictures import pyramid_difference, signed

__all__ = [
    "LIA_X_PRESETS",
    "LiaXLossConfig",
    "LiaXPreset",
    "LiaXTrainer",
    "Losses",
    "Reenactment",
    "lia_x_preset",
    "reenactment_losses",
]


@dataclass(frozen=True)
class LiaXLossConfig:
    """Weights of the losses beside L1."""

    detail: float = 1.0
    """Of the pyramids' differences."""
    sparsity: float = 0.02
    """Of the mean absolute motion coefficient (the paper's lambda 2)."""


@dataclass(frozen=True)
class LiaXPreset:
    """A network and how it is trained."""

    network: LiaXConfig
    train: TrainConfig
    loss: LiaXLossConfig = LiaXLossConfig()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)


LIA_X_PRESETS: dict[str, LiaXPreset] = {
    "lia-x-small": LiaXPreset(
        LiaXConfig(scale=1 / 8, size=64),
        TrainConfig(
            preset="lia-x-small",
            batch=8,
            precision="no",
            data=SyntheticConfig(size=64, frames=1),
            optimizer=OptimizerConfig(rate=2e-3, weight_decay=0.0),
        ),
    )
}
"""By name. 3.2 million parameters: 64x64 pictures, 40 directions, an eighth of the widths of scale 1."""


def lia_x_preset(name: str) -> LiaXPreset:
    """Look a preset up. Raises `InputError` for a name that is none."""
    if name not in LIA_X_PRESETS:
        raise InputError(f"expected a preset of LIA-X ({', '.join(LIA_X_PRESETS)}), got '{name}'; choose one of these")
    return LIA_X_PRESETS[name]


@dataclass(frozen=True, eq=False)
class Losses:
    """Of a batch, each a mean."""

    reconstruction: Float[Tensor, ""]
    detail: Float[Tensor, ""]
    sparsity: Float[Tensor, ""]

    def total(self, config: LiaXLossConfig) -> Float[Tensor, ""]:
        return self.reconstruction + config.detail * self.detail + config.sparsity * self.sparsity


class Reenactment(nn.Module):
    """A generator as it is trained: a picture of a person takes on the motion of another picture of the same person."""

    def __init__(self, config: LiaXConfig) -> None:
        super().__init__()
        self.generator = Generator(config)

    def forward(
        self, source: Float[Tensor, "B 3 S S"], driving: Float[Tensor, "B 3 S S"]
    ) -> tuple[Float[Tensor, "B 3 S S"], Float[Tensor, "B M"]]:
        """The source with the driving picture's motion, and that motion's coefficients."""
        seen = self.generator.enc(source)
        alpha = self.generator.enc(driving).alpha
        return self.generator.dec(self.generator.navigate(seen, alpha), seen.features), alpha


def reenactment_losses(network: nn.Module, batch: Batch) -> Losses:
    """The reference redrawn as the first target of each window."""
    driving = signed(batch.targets[:, 0])
    drawn, alpha = network(signed(batch.reference), driving)
    return Losses(F.l1_loss(drawn, driving), pyramid_difference(drawn, driving), alpha.abs().mean())


class LiaXTrainer(TrainingLoop):
    """Learns to redraw. The weights in the folder are a checkpoint as `load_generator` reads it."""

    def __init__(self, preset: LiaXPreset, head: HeadModel, folder: Path) -> None:
        if preset.train.data.size != preset.network.size:
            raise ValueError(f"expected windows of {preset.network.size} pixels, got {preset.train.data.size}")
        self.preset = preset
        super().__init__(preset.train, head, folder, lambda: Reenactment(preset.network))

    def averaged(self) -> Generator:
        """A generator with the moving average of the weights."""
        network = Reenactment(self.preset.network)
        self._average_into(network)
        return network.generator

    def _loss(self, batch: Batch, number: int) -> Tensor:
        return reenactment_losses(self.network, batch.to(self.accelerator.device)).total(self.preset.loss)

    def _save_weights(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.averaged().state_dict().items()}
        with replacing(folder / "lia-x.safetensors") as file:
            file.write(save(state))
