"""Training of DeX-Portrait in two stages: motion encoders with a decoder, then the diffusion animator on them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from loki_core.data.samples import Batch, SyntheticConfig
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.network import DexNetwork
from loki_core.dex.pipeline import DexPipeline
from loki_core.dex.windows import DRIVERS, DrivenWindows
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.schedule import NoiseSchedule
from loki_core.head.model import HeadModel
from loki_core.training.begin import take_unets
from loki_core.training.config import TrainConfig
from loki_core.training.dex_losses import animator_loss, draw_dex_chances, known_loss, motion_loss
from loki_core.training.dex_runs import DexRun, MotionRun
from loki_core.training.loop import TrainingLoop
from loki_core.training.step import draw_chances, focus_weights

__all__ = ["DexTrainer", "MotionTrainer"]


class MotionTrainer(TrainingLoop):
    """Learns pose and expression, then appearance with them. The weights are as `read_motion_network` reads them."""

    idle = True

    def __init__(self, run: MotionRun, head: HeadModel, folder: Path, begun: MotionNetwork | None = None) -> None:
        """`begun`: what it begins with; None: untrained."""
        if run.train.data.size != run.network.image_size:
            raise ValueError(f"expected windows of {run.network.image_size} pixels, got {run.train.data.size}")
        if begun is not None and not run.network.fits(begun.motion):
            raise ValueError(f"expected a network of '{run.network.name}' to begin with, got '{begun.motion.name}'")
        self.run = run

        def build() -> MotionNetwork:
            network = MotionNetwork(run.network.to_dict())
            if begun is not None:
                network.load_state_dict(begun.state_dict())
            return network

        super().__init__(run.train, head, folder, build)
        self.windows = DrivenWindows(head, _synthetic(run.train), "views")

    def averaged(self) -> MotionNetwork:
        """A network with the moving average of the weights."""
        network = MotionNetwork(self.run.network.to_dict())
        self._average_into(network)
        return network

    def _loss(self, batch: Batch, number: int) -> Tensor:
        batch, run = batch.to(self.accelerator.device), self.run
        if self.step < run.known:
            return known_loss(self.network, run.network, batch)
        drawing = self.step - run.known
        weights = focus_weights(batch.focus[:, DRIVERS], 1, self.config.loss, drawing)
        hint = run.hint * max(0.0, 1 - drawing / run.hint_steps)
        return motion_loss(self.network, run.network, batch, weights, hint, run.change)

    def _save_weights(self, folder: Path) -> None:
        self.averaged().save_pretrained(folder)


class DexTrainer(TrainingLoop):
    """Learns to take noise away. The weights in the folder are as `DexPipeline.from_pretrained` reads them."""

    def __init__(
        self, run: DexRun, learned: MotionNetwork | DexNetwork, head: HeadModel, folder: Path, begun: LokiNetwork | None = None
    ) -> None:
        """`learned`: the first stage, whose pose and expression stay as they are; or an animator, to go on from.

        `begun` gives the UNets: `read_unets`.
        """
        dex, data = run.network, run.train.data
        if (data.size, data.frames - 1 <= dex.frames) != (dex.image_size, True):
            raise ValueError(f"expected a source and at most {dex.frames} frames of {dex.image_size} pixels, got {data}")
        wanted, found = (dex, learned.dex) if isinstance(learned, DexNetwork) else (dex.motion, learned.motion)
        if wanted != found:
            raise ValueError(f"expected a network of '{wanted.name}' to begin with, got '{found.name}'")
        self.run, self.dex = run, dex

        def build() -> DexNetwork:
            network = DexNetwork(dex.to_dict())
            whole = isinstance(learned, DexNetwork)
            (network if whole else network.motion).load_state_dict(learned.state_dict())
            if begun is not None:
                take_unets(network, begun)
            return network

        super().__init__(run.train, head, folder, build)
        self.windows = DrivenWindows(head, _synthetic(run.train), "clip")
        self.schedule = NoiseSchedule(dex.schedule)

    def averaged(self) -> DexPipeline:
        """A pipeline with the moving average of the weights."""
        network = DexNetwork(self.dex.to_dict())
        self._average_into(network)
        return DexPipeline.build(network)

    def _loss(self, batch: Batch, number: int) -> Tensor:
        count, frames = len(batch.targets), batch.targets.shape[1] - 1
        seed, step = self.config.seed, number * self._processes + self._rank
        draws = draw_chances(self.dex, count, frames, self.config.loss, seed=seed, step=step)
        chances = draw_dex_chances(count, self.run, seed=seed, step=step)
        weights, device = focus_weights(batch.focus[:, 1:], 1, self.config.loss, self.step), self.accelerator.device
        batch, draws, chances, weights = batch.to(device), draws.to(device), chances.to(device), weights.to(device)
        return animator_loss(self.network, self.run, self.schedule, batch, draws, chances, weights)

    def _save_weights(self, folder: Path) -> None:
        self.averaged().save_pretrained(folder)


def _synthetic(config: TrainConfig) -> SyntheticConfig:
    """The data, of which other views and the places of eyes and mouth must be known."""
    if not isinstance(config.data, SyntheticConfig):
        raise ValueError(f"expected synthetic windows, whose other views are known, got {config.data}")
    return config.data
