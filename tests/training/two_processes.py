"""A run of two processes: `torchrun --nproc-per-node 2 -m tests.training.two_processes FOLDER STEPS [resume]`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]  # it carries no type information

from loki_core.head.embedded import embedded_head
from loki_core.training.trainer import Trainer
from tests.training.test_trainer import CONFIG, TINY

folder, steps = Path(sys.argv[1]), int(sys.argv[2])
trainer = Trainer(CONFIG, TINY, embedded_head(), folder)
assert trainer.accelerator.num_processes == 2
if "resume" in sys.argv:
    trainer.resume()
losses: list[float] = []
trainer.train(steps, report=lambda _, loss, rate: losses.append(loss))
rank = Accelerator().process_index
weights = trainer.accelerator.unwrap_model(trainer.network).state_dict()
torch.save({"weights": weights, "losses": losses}, folder / f"process{rank}.pt")
