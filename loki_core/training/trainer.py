"""Training of the diffusion network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from loki_core.data.samples import Batch
from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.diffusion.schedule import NoiseSchedule
from loki_core.diffusion.stable_diffusion import Base
from loki_core.head.model import HeadModel
from loki_core.training.config import TrainConfig
from loki_core.training.loop import Diverged, Report, TrainingLoop
from loki_core.training.step import draw_chances, loss_weights, prediction_loss

__all__ = ["Diverged", "Report", "Trainer"]


class Trainer(TrainingLoop):
    """Learns to take noise away. The weights in the folder are as `LokiPipeline.from_pretrained` reads them."""

    def __init__(
        self, config: TrainConfig, loki: LokiConfig, head: HeadModel, folder: Path, base: Callable[[], Base] | None = None
    ) -> None:
        """`base`: reads what to begin with; None: a network with random weights, on pixels."""
        if (config.data.size, config.data.frames <= loki.frames) != (loki.image_size, True):
            raise ValueError(f"expected windows of {loki.image_size} pixels and at most {loki.frames} frames, got {config.data}")
        self.loki = loki
        self.vae: AutoencoderKL | None = None

        def begin() -> LokiNetwork:
            if base is None:
                return LokiNetwork(loki.to_dict())
            begun = base()
            self.vae = begun.vae
            return begun.network

        super().__init__(config, head, folder, begin)
        if config.checkpointing:
            self.accelerator.unwrap_model(self.network).enable_gradient_checkpointing()
        if self.vae is not None:
            self.vae.to(self.accelerator.device)
        self.schedule = NoiseSchedule(loki.schedule)

    def averaged(self) -> LokiPipeline:
        """A pipeline with the moving average of the weights."""
        network = LokiNetwork(self.loki.to_dict())
        self._average_into(network)
        return LokiPipeline.build(network, self.head.id, self.vae)

    def _save_weights(self, folder: Path) -> None:
        self.averaged().save_pretrained(folder)

    def _loss(self, batch: Batch, number: int) -> Tensor:
        windows, frames = batch.targets.shape[:2]
        step = number * self._processes + self._rank
        draws = draw_chances(self.loki, windows, frames, self.config.loss, seed=self.config.seed, step=step)
        weights = loss_weights(batch, self.loki, self.config.loss, self.step)
        device = self.accelerator.device
        batch, draws, weights = batch.to(device), draws.to(device), weights.to(device)
        with self.accelerator.autocast():  # the VAE's share; the network has its own
            return prediction_loss(self.network, self.loki, self.schedule, batch, draws, weights, self.vae)
