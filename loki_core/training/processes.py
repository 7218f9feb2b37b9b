"""The processes that share a run of training."""

from __future__ import annotations

import os

import torch
from accelerate import PartialState  # type: ignore[import-untyped]  # it carries no type information
from accelerate.utils import parse_flag_from_env  # type: ignore[import-untyped]

__all__ = ["on_cpu", "processes"]


def processes() -> PartialState:
    """This process among those that torchrun or `accelerate launch` started: how many there are, and which it is."""
    return PartialState(on_cpu())


def on_cpu() -> bool:
    """Whether accelerate has to be told to stay on the CPU.

    Several processes without a GPU would otherwise each take themselves for the only one, and write into one folder.
    """
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return bool(parse_flag_from_env("ACCELERATE_USE_CPU")) or (several and not torch.cuda.is_available())
