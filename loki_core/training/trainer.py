"""Training of the diffusion network."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from loki_core.data.samples import Batch
from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.diffusion.schedule import NoiseSchedule
from loki_core.head.model import HeadModel
from loki_core.training.config import TrainConfig
from loki_core.training.loop import Diverged, Report, TrainingLoop
from loki_core.training.step import draw_chances, loss_weights, prediction_loss

__all__ = ["Diverged", "Report", "Trainer"]


class Trainer(TrainingLoop):
    """Learns to take noise away. The weights in the folder are as `LokiPipeline.from_pretrained` reads them."""

    def __init__(self, config: TrainConfig, loki: LokiConfig, head: HeadModel, folder: Path) -> None:
        if (config.data.size, config.data.frames <= loki.frames) != (loki.image_size, True):
            raise ValueError(f"expected windows of {loki.image_size} pixels and at most {loki.frames} frames, got {config.data}")
        self.loki = loki
        super().__init__(config, head, folder, lambda: LokiNetwork(loki.to_dict()))
        self.schedule = NoiseSchedule(loki.schedule)

    def averaged(self) -> LokiPipeline:
        """A pipeline with the moving average of the weights."""
        network = LokiNetwork(self.loki.to_dict())
        self._average_into(network)
        return LokiPipeline.build(network, self.head.id)

    def _save_weights(self, folder: Path) -> None:
        self.averaged().save_pretrained(folder)

    def _loss(self, batch: Batch, number: int) -> Tensor:
        windows, frames = batch.targets.shape[:2]
        draws = draw_chances(
            self.loki, windows, frames, self.config.loss.drop, seed=self.config.seed, step=number * self._processes + self._rank
        )
        weights = loss_weights(batch, self.loki, self.config.loss, self.step)
        device = self.accelerator.device
        return prediction_loss(self.network, self.schedule, batch.to(device), draws.to(device), weights.to(device))
