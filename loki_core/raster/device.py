"""Running Warp kernels on torch tensors: nothing is copied, and the tensors' device is where it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from threading import Lock
from typing import Any

import torch
import warp as wp
from torch import Tensor

__all__ = ["launch", "row_lanes", "view"]

_STARTING = Lock()
"""Sessions of the studio draw in threads; Warp's start and loading are for one at a time."""


def row_lanes(device: torch.device) -> int:
    """Threads an image row: neighbours side by side on CUDA; one on the CPU, which runs them one after the other."""
    return 128 if device.type == "cuda" else 1


def view(tensor: Tensor, dtype: Any) -> Any:
    """The tensor's memory as an array of Warp's `dtype`; a vector type takes up the last dimension."""
    _start(tensor.device)
    return wp.from_torch(tensor.detach(), dtype=dtype)


def launch(kernel: Any, size: Sequence[int], *arguments: Any, device: torch.device) -> None:
    """Run `kernel` over a grid of `size` threads on the tensors' own device and, on CUDA, in torch's own stream."""
    where = _start(device)
    _load(kernel.module, str(where))
    stream = wp.stream_from_torch(torch.cuda.current_stream(device)) if device.type == "cuda" else None
    wp.launch(kernel, dim=tuple(size), inputs=arguments, device=where, stream=stream)


@lru_cache(maxsize=8)
def _start(device: torch.device) -> Any:
    """Warp's name for a device. Starts Warp without its banner and, where there is no GPU, without its line about that."""
    with _STARTING:
        wp.config.log_level = wp.LOG_WARNING
        with nullcontext() if torch.cuda.is_available() else _native_stderr_closed():
            wp.init()
        return wp.device_from_torch(device)


@lru_cache(maxsize=32)
def _load(module: Any, device: str) -> None:
    """Compile a kernel's module, or load it from the cache folder; Warp itself does not expect two threads here."""
    with _STARTING:
        wp.load_module(module, device=device)


@contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Send what native code writes to stderr nowhere: Warp offers no other way to start quietly."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
