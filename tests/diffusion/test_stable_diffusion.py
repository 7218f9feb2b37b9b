"""Stable Diffusion's weights reach both UNets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.diffusion.configs import ReferenceConfig
from loki_core.diffusion.stable_diffusion import read_base
from loki_core.diffusion.unet import FrameUNet
from loki_core.errors import InputError
from tests.diffusion.tiny import save_base


@pytest.fixture
def config(tiny_config):
    return replace(tiny_config, reference=ReferenceConfig(frozen=True, context=(3, 6)))


def test_both_networks_start_from_its_weights(config, tmp_path):
    unet = FrameUNet(config.unet, context=6)
    prompt = torch.randn(3, 6)
    network = read_base(save_base(tmp_path, unet), config, prompt).network
    weights = unet.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.reference.state_dict().items())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.generation.state_dict().items())
    assert torch.equal(network.null_prompt, prompt)
    assert not any(parameter.requires_grad for parameter in network.reference.parameters())


def test_another_architecture_is_refused(config, tmp_path):
    folder = save_base(tmp_path, FrameUNet(config.unet))
    with pytest.raises(InputError, match=r"Stable Diffusion, got a file in which .*attn2.* is missing"):
        read_base(folder, config, torch.zeros(3, 6))
