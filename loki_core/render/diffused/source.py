"""A folder of weights: what it is can be told at once, the network is loaded when it is first used."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch

__all__ = ["DrawsSquares", "NetworkSource", "Placing", "dtype_on", "hash_weights", "stamp_of"]


@runtime_checkable
class DrawsSquares(Protocol):
    """What a renderer must know of a network before it is loaded."""

    @property
    def image_size(self) -> int:
        """Side of the square picture, pixels."""
        ...

    @property
    def frames(self) -> int:
        """Of one window."""
        ...


_P = TypeVar("_P")
"""A pipeline."""


@dataclass(frozen=True)
class Placing:
    """How a network lies on a GPU. Pictures are the same."""

    offload: bool = False
    """Only the part at work lies there, the others in main memory."""
    compiled: bool = False
    """The generation UNet is compiled when the first frames are drawn."""


class NetworkSource(Generic[_P]):
    """A network that several renderers share."""

    def __init__(self, config: DrawsSquares, weights: str, load: Callable[[], _P]) -> None:
        """`weights`: what stands for them; `load`: called once, by whoever needs the network first; others wait."""
        self.config, self.weights = config, weights
        self.looking = threading.Lock()
        """Held while the network looks at a portrait, which only one thread may at a time."""
        self._load, self._loading = load, threading.Lock()
        self._pipeline: _P | None = None

    def pipeline(self) -> _P:
        """The network. Raises `InputError` for weights that cannot be used."""
        with self._loading:
            if self._pipeline is None:
                self._pipeline = self._load()
            return self._pipeline


def dtype_on(device: torch.device) -> torch.dtype:
    """Half precision on CUDA; on the CPU that would be slower."""
    return torch.float16 if device.type == "cuda" else torch.float32


def hash_weights(folder: Path) -> str:
    """16 hex digits over all files of a folder of weights."""
    digest = hashlib.sha256()
    for path in _files(folder):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def stamp_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes when a file of the folder is another: names, sizes and times."""
    return tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in _files(folder))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
