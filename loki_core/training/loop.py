"""The training loop: goes on from where it was stopped to the same weights as if it had not been."""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]  # it carries no type information
from accelerate.utils import DistributedDataParallelKwargs  # type: ignore[import-untyped]
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from loki_core.data.folder import FolderConfig, FolderWindows
from loki_core.data.samples import HELD_OUT_SEED, Batch, Sample, SyntheticConfig, SyntheticWindows, collate
from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.training.config import TrainConfig
from loki_core.training.processes import on_cpu

__all__ = ["Diverged", "Report", "TrainingLoop"]

Report = Callable[[int, float, float], None]
"""Called as (step, loss, learning rate) after each step, by one process of many."""
_STATE, _UNFINISHED, _BEFORE = "state", "state.unfinished", "state.before"
_PROGRESS = "progress.json"


class Diverged(RuntimeError):
    """The loss or the gradients are no longer numbers; the last saved state is kept."""


class TrainingLoop(ABC):
    """A network, its optimiser and its moving average, in a folder of their own; what is learned is for subclasses to say.

    In the folder: `state/` to go on from, `weights/` (the moving average) and `losses.csv`.
    """

    idle: ClassVar[bool] = False
    """Whether a step may leave parameters without gradients, which several processes must be told."""

    def __init__(self, config: TrainConfig, head: HeadModel, folder: Path, build: Callable[[], nn.Module]) -> None:
        """`build` makes the network, with what is random in it drawn after `config.seed`."""
        self.config, self.head, self.folder = config, head, folder
        self.windows = _windows(head, config.data)
        if isinstance(config.data, SyntheticConfig) and config.data.seed >= HELD_OUT_SEED:
            raise ValueError(f"expected a seed of the data below {HELD_OUT_SEED}, got {config.data.seed}: evaluation keeps those")
        torch.manual_seed(config.seed)
        self.accelerator = Accelerator(
            cpu=on_cpu(),
            mixed_precision=config.precision,
            gradient_accumulation_steps=config.accumulate,
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=self.idle)],
        )
        network = build()
        self.average = EMAModel(network.parameters(), decay=config.optimizer.averaging, use_ema_warmup=True, power=0.75)
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        opt = config.optimizer
        optimizer = torch.optim.AdamW(trained, lr=opt.rate, betas=opt.betas, weight_decay=opt.weight_decay)
        self.network: Any
        self.optimizer: Any
        self.network, self.optimizer = self.accelerator.prepare(network, optimizer)
        self.average.to(self.accelerator.device)
        self.accelerator.register_for_checkpointing(self.average)
        self.step = 0

    def train(self, steps: int, *, cool_down: int = 0, report: Report | None = None) -> None:
        """Train up to step `steps` and save; over the last `cool_down` of them the learning rate falls to 0.

        Raises `Diverged` and leaves the last saved state as it is.
        """
        self.network.train()
        batches = self._batches(steps)
        while self.step < steps:
            rate = self._rate(steps, cool_down)
            loss = self._optimise([next(batches) for _ in range(self.config.accumulate)], rate)
            self.step += 1
            if report is not None and self.accelerator.is_main_process:
                report(self.step, loss, rate)
            if self.step % self.config.save_every == 0 or self.step == steps:
                self.save()

    def resume(self) -> None:
        """Take up the state in the folder. Raises `InputError` where there is none."""
        state = self.folder / _STATE
        if not state.is_dir():
            raise InputError(f"expected a saved state in '{self.folder}', found none; start without --resume")
        self.accelerator.load_state(str(state))
        self.step = int(json.loads((state / _PROGRESS).read_text())["step"])

    def save(self) -> None:
        """Write the state and the weights; one that was there is replaced when the new one is whole."""
        unfinished, state, before = (self.folder / name for name in (_UNFINISHED, _STATE, _BEFORE))
        first = self.accelerator.is_main_process  # of many processes, each writes its own share of the state alone
        if first:
            shutil.rmtree(unfinished, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(unfinished))
        self.accelerator.wait_for_everyone()
        if first:
            (unfinished / _PROGRESS).write_text(json.dumps({"step": self.step}))
            shutil.rmtree(before, ignore_errors=True)
            if state.exists():
                state.rename(before)
            unfinished.rename(state)
            self._save_weights(self.folder / "weights")
        self.accelerator.wait_for_everyone()

    @property
    def windows_a_step(self) -> int:
        """Of all processes."""
        return self.config.batch * self.config.accumulate * self._processes

    @abstractmethod
    def _loss(self, batch: Batch, number: int) -> Tensor:
        """The loss of batch `number` of this process, counted from the beginning of the run."""

    @abstractmethod
    def _save_weights(self, folder: Path) -> None:
        """Write the moving average as it is read for use."""

    def _average_into(self, network: nn.Module) -> None:
        """The moving average of the weights, put into another network of the same shape."""
        network.load_state_dict(self.accelerator.unwrap_model(self.network).state_dict())
        self.average.copy_to(network.parameters())

    def _rate(self, steps: int, cool_down: int) -> float:
        """The learning rate of the coming step: rises from 0 at the start, falls to 0 at the end."""
        optimizer = self.config.optimizer
        rising = (self.step + 1) / optimizer.warm_up
        falling = (steps - self.step) / cool_down if cool_down else 1.0
        return optimizer.rate * min(1.0, rising, falling)

    def _optimise(self, batches: list[Batch], rate: float) -> float:
        """One step of the optimiser over `accumulate` batches; the mean loss, over all processes."""
        losses: list[Tensor] = []
        for index, batch in enumerate(batches):
            with self.accelerator.accumulate(self.network):
                loss = self._loss(batch, self.step * self.config.accumulate + index)
                shared = self.accelerator.gather(loss.detach()).mean()  # all processes stop, or none does
                if not bool(torch.isfinite(shared)):
                    raise Diverged(f"the loss of step {self.step + 1} is {shared.item()}; the last saved state is kept")
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients:
                    self._clip()
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                self.optimizer.step()
                self.optimizer.zero_grad()
                losses.append(shared)
        self.average.step(self.accelerator.unwrap_model(self.network).parameters())
        return float(torch.stack(losses).mean())

    def _clip(self) -> None:
        norm = self.accelerator.clip_grad_norm_(self.network.parameters(), self.config.optimizer.largest_norm)
        if norm is not None and self.accelerator.scaler is None and not bool(torch.isfinite(norm)):
            raise Diverged(f"the gradients of step {self.step + 1} are not finite; the last saved state is kept")

    @property
    def _processes(self) -> int:
        return int(self.accelerator.num_processes)

    @property
    def _rank(self) -> int:
        return int(self.accelerator.process_index)

    def _batches(self, steps: int) -> Iterator[Batch]:
        """The batches of this process from the current step on; sample numbers follow from the step alone."""
        each, config = self.config.batch * self._processes, self.config
        numbers = range(self.step * config.accumulate, steps * config.accumulate)
        starts = [number * each + self._rank * config.batch for number in numbers]
        loader = DataLoader(
            self.windows,
            batch_sampler=_Numbers(starts, config.batch),
            collate_fn=collate,
            num_workers=config.workers,
        )
        return iter(loader)


def _windows(head: HeadModel, data: SyntheticConfig | FolderConfig) -> Dataset[Sample]:
    """What the configuration names. Raises `InputError` for a folder without it."""
    return SyntheticWindows(head, data) if isinstance(data, SyntheticConfig) else FolderWindows(head, data)


class _Numbers(Sampler[list[int]]):
    """Runs of `count` sample numbers."""

    def __init__(self, starts: list[int], count: int) -> None:
        self.starts, self.count = starts, count

    def __iter__(self) -> Iterator[list[int]]:
        return (list(range(start, start + self.count)) for start in self.starts)

    def __len__(self) -> int:
        return len(self.starts)
