"""A network that is small enough for tests, and whose weights are all alive."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.diffusion.configs import EncoderConfig, LokiConfig, ReferenceConfig, UNetConfig, preset
from loki_core.diffusion.network import LokiNetwork


@pytest.fixture(scope="session")
def tiny_config() -> LokiConfig:
    """Spatial attention on top, full below, as in `sd21`; pictures of 16 pixels."""
    unet = UNetConfig(channels=12, widths=(8, 16), attention=("spatial", "full"), layers=1, head_dim=8, groups=4)
    encoder = EncoderConfig(widths=(8,), unshuffle=2)
    reference = ReferenceConfig(frozen=False, whole=False)
    return replace(preset("mini"), name="tiny", image_size=16, frames=4, unet=unet, encoder=encoder, reference=reference)


@pytest.fixture
def tiny_network(tiny_config: LokiConfig) -> LokiNetwork:
    """Random weights, the encoder's last convolution included."""
    torch.manual_seed(0)
    network = LokiNetwork(tiny_config.to_dict()).eval()
    torch.nn.init.normal_(network.encoder.out.weight, std=0.2)
    return network
