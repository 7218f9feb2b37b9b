"""DeX-Portrait's network from a folder, on a device, and the mapping that was fitted to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import torch

from loki_core.dex.mapping import MAPPING_FOLDER, DexMapping, read_mapping
from loki_core.dex.pipeline import DexPipeline
from loki_core.dex.saved import read_dex_config, saved_fingerprint
from loki_core.head.model import HeadModel
from loki_core.render.diffused.source import DrawsSquares, NetworkSource, dtype_on, hash_weights

__all__ = ["DexSource", "open_dex"]


class DexSource(NetworkSource[DexPipeline]):
    """A network and its mapping, each read when it is first used."""

    def __init__(
        self, config: DrawsSquares, weights: str, load: Callable[[], DexPipeline], load_mapping: Callable[[], DexMapping]
    ) -> None:
        super().__init__(config, weights, load)
        self._load_mapping, self._mapping_lock = load_mapping, threading.Lock()
        self._mapping: DexMapping | None = None

    def mapping(self) -> DexMapping:
        """From coefficients. Raises `InputError` for one that cannot be used."""
        with self._mapping_lock:
            if self._mapping is None:
                self._mapping = self._load_mapping()
            return self._mapping


def open_dex(folder: Path, head: HeadModel, device: torch.device) -> DexSource:
    """The network of a folder on a device. Raises `InputError` for a folder that holds none."""
    config = read_dex_config(folder)

    def load() -> DexPipeline:
        return DexPipeline.from_pretrained(folder, torch_dtype=dtype_on(device)).to(device)

    def load_mapping() -> DexMapping:
        latent = config.motion.expression.latent
        return read_mapping(folder / MAPPING_FOLDER, head, saved_fingerprint(folder), latent)

    return DexSource(config, hash_weights(folder), load, load_mapping)
