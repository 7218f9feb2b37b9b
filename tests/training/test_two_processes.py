"""Training by two processes, as torchrun starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

_ROOT = Path(__file__).parents[2]


def launched(folder: Path, steps: int, *more: str) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "tests.training.two_processes", str(folder), str(steps), *more]
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"process{rank}.pt", weights_only=True) for rank in (0, 1)]


def test_two_processes_learn_the_same_weights_and_a_resumed_run_does_too(tmp_path):
    first, second = launched(tmp_path / "whole", 4)
    assert all(torch.equal(value, second["weights"][name]) for name, value in first["weights"].items())
    assert len(first["losses"]) == 4 and second["losses"] == []  # one process reports
    launched(tmp_path / "halves", 2)
    again, _ = launched(tmp_path / "halves", 4, "resume")
    assert again["losses"] == first["losses"][2:]
    assert all(torch.equal(value, again["weights"][name]) for name, value in first["weights"].items())
