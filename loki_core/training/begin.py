"""A run that begins with what another one learned."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.saved import read_pipeline
from loki_core.diffusion.stable_diffusion import Base
from loki_core.errors import InputError
from loki_core.head.model import HeadId

__all__ = ["begin_with", "weights_digest"]


def begin_with(folder: Path, config: LokiConfig, head: HeadId) -> Base:
    """The network in a folder of weights. Raises `InputError` for one of another architecture or for another head."""
    saved = read_pipeline(folder, head, torch.float32)
    if saved.network.loki != config:
        raise InputError(
            f"expected weights of a network {config.name} to begin with, got '{folder}' of {saved.network.loki.name} with other "
            f"settings; choose others, or the preset that they are of"
        )
    return Base(saved.network, saved.vae)


def weights_digest(folder: Path) -> str:
    """SHA-256 of the network's file in a folder of weights, which says what a run began with. Raises `InputError` without one."""
    files = sorted((folder / "network").glob("*.safetensors"))
    if not files:
        raise InputError(f"expected a folder of weights to begin with, got '{folder}' without any; give the weights of a run")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
