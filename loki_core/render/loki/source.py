"""Loki's network from a folder, on a device."""

from __future__ import annotations

from pathlib import Path

import torch

from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.diffusion.saved import read_config
from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.render.diffused.source import NetworkSource, Placing, dtype_on, hash_weights

__all__ = ["open_source", "place"]


def open_source(
    folder: Path, head: HeadModel, device: torch.device, placing: Placing | None = None
) -> NetworkSource[LokiPipeline]:
    """The network of a folder on a device.

    Raises `InputError` for a folder that holds none, or one that does not read driver maps.
    """
    config = read_config(folder / "network")
    if config.encoder.reads == "vector":
        raise InputError(
            f"expected a network that reads driver maps, got '{config.name}', which reads a vector of numbers; "
            "use one that was trained without --coefficients"
        )

    def load() -> LokiPipeline:
        pipeline = LokiPipeline.from_pretrained(folder, head=head.id, torch_dtype=dtype_on(device))
        if pipeline.vae is not None:
            pipeline.vae.enable_slicing()
            pipeline.vae.enable_tiling()
        place(pipeline, device, placing or Placing())
        return pipeline

    return NetworkSource(config, hash_weights(folder), load)


def place(pipeline: LokiPipeline, device: torch.device, placing: Placing) -> None:
    """Bring a pipeline to a device."""
    if placing.offload:
        pipeline.offload(device)
    else:
        pipeline.to(device)
    if placing.compiled:
        pipeline.network.generation.compile()
