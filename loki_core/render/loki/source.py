"""A folder of weights: what it is can be told at once, the network is loaded when it is first used."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.diffusion.saved import read_config
from loki_core.errors import InputError
from loki_core.head.model import HeadModel

__all__ = ["LokiSource", "Placing", "hash_weights", "open_source", "place", "stamp_of"]


@dataclass(frozen=True)
class Placing:
    """How a network lies on a GPU. Pictures are the same."""

    offload: bool = False
    """Only the part at work lies there, the others in main memory."""
    compiled: bool = False
    """The generation UNet is compiled when the first frames are drawn."""


class LokiSource:
    """A network that several renderers share."""

    def __init__(self, config: LokiConfig, weights: str, load: Callable[[], LokiPipeline]) -> None:
        """`weights`: what stands for them; `load`: called once, by whoever needs the network first; others wait."""
        self.config, self.weights = config, weights
        self.looking = threading.Lock()
        """Held while the network looks at a portrait, which only one thread may at a time."""
        self._load, self._loading = load, threading.Lock()
        self._pipeline: LokiPipeline | None = None

    def pipeline(self) -> LokiPipeline:
        """The network. Raises `InputError` for weights that cannot be used."""
        with self._loading:
            if self._pipeline is None:
                self._pipeline = self._load()
            return self._pipeline


def open_source(folder: Path, head: HeadModel, device: torch.device, placing: Placing | None = None) -> LokiSource:
    """The network of a folder on a device, in half precision on CUDA; on the CPU that would be slower.

    Raises `InputError` for a folder that holds none, or one that does not read driver maps.
    """
    config = read_config(folder / "network")
    if config.encoder.reads == "vector":
        raise InputError(
            f"expected a network that reads driver maps, got '{config.name}', which reads a vector of numbers; "
            "use one that was trained without --coefficients"
        )

    def load() -> LokiPipeline:
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        pipeline = LokiPipeline.from_pretrained(folder, head=head.id, torch_dtype=dtype)
        if pipeline.vae is not None:
            pipeline.vae.enable_slicing()
            pipeline.vae.enable_tiling()
        place(pipeline, device, placing or Placing())
        return pipeline

    return LokiSource(config, hash_weights(folder), load)


def place(pipeline: LokiPipeline, device: torch.device, placing: Placing) -> None:
    """Bring a pipeline to a device."""
    if placing.offload:
        pipeline.offload(device)
    else:
        pipeline.to(device)
    if placing.compiled:
        pipeline.network.generation.compile()


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
