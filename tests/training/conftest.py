"""A pipeline that is small enough for tests, with random weights that are all alive."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.data.vectors import vector_length
from loki_core.diffusion.configs import EncoderConfig, EncoderInput, LokiConfig, ReferenceConfig, UNetConfig, ablated, preset
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.head.embedded import embedded_head

TINY = replace(
    preset("mini"),
    name="tiny",
    image_size=16,
    unet=UNetConfig(channels=12, widths=(8, 16), attention=("spatial", "full"), layers=1, head_dim=8, groups=4),
    encoder=EncoderConfig(widths=(8,), unshuffle=2),
    reference=ReferenceConfig(frozen=False, whole=False),
)


def tiny_of(reads: EncoderInput) -> LokiConfig:
    """The tiny network that is told that of a pose."""
    return ablated(TINY, reads, numbers=vector_length(embedded_head().expression_count))


def pipeline_of(reads: EncoderInput) -> LokiPipeline:
    """With random weights, the encoder's last layer included."""
    torch.manual_seed(0)
    network = LokiNetwork(tiny_of(reads).to_dict())
    torch.nn.init.normal_(network.encoder.out.weight, std=0.5)
    return LokiPipeline.build(network, embedded_head().id)


@pytest.fixture(scope="session")
def tiny_pipeline() -> LokiPipeline:
    """One that reads driver maps."""
    return pipeline_of("map")
