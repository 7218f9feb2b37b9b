"""A tiny network under the names of the released code comes back under ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.diffusion.configs import ReferenceConfig
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.released_keys import network_state
from loki_core.errors import InputError

PLACES = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "down_blocks.0.resnets.0": "input_blocks.1.0",
    "down_blocks.0.attentions.0": "input_blocks.1.1",
    "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
    "down_blocks.1.resnets.0": "input_blocks.3.0",
    "down_blocks.1.attentions.0": "input_blocks.3.1",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "up_blocks.0.resnets.0": "output_blocks.0.0",
    "up_blocks.0.attentions.0": "output_blocks.0.1",
    "up_blocks.0.resnets.1": "output_blocks.1.0",
    "up_blocks.0.attentions.1": "output_blocks.1.1",
    "up_blocks.0.upsamplers.0.conv": "output_blocks.1.2.conv",
    "up_blocks.1.resnets.0": "output_blocks.2.0",
    "up_blocks.1.attentions.0": "output_blocks.2.1",
    "up_blocks.1.resnets.1": "output_blocks.3.0",
    "up_blocks.1.attentions.1": "output_blocks.3.1",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
"""Where LDM's UNetModel of two levels with one residual block each has what diffusers has."""

INSIDE = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
"""Parts of a residual block."""


def ldm_name(name):
    ours = next(place for place in PLACES if name.startswith(place + "."))
    rest = name.removeprefix(ours + ".")
    if ".resnets." in ours:
        part, kind = rest.rsplit(".", 1)
        rest = f"{INSIDE[part]}.{kind}"
    return f"{PLACES[ours]}.{rest}"


@pytest.fixture
def config(tiny_config):
    return replace(tiny_config, reference=ReferenceConfig(frozen=True, context=(3, 6)))


@pytest.fixture
def network(config):
    network = LokiNetwork(config.to_dict()).eval()
    for tensor in network.state_dict().values():
        tensor.normal_()
    return network


@pytest.fixture
def released(network):
    state = {f"model.diffusion_model.{ldm_name(k)}": v for k, v in network.generation.state_dict().items()}
    state |= {f"ref_extractor.unet.{ldm_name(k)}": v for k, v in network.reference.state_dict().items()}
    encoder = enumerate(network.encoder.state_dict().values())
    return state | {f"model.diffusion_model.cond_encoder.layer{i}": tensor for i, tensor in encoder}


def test_every_tensor_finds_its_place(network, config, released):
    mapped = network_state(released, config, network.null_prompt)
    expected = network.state_dict()
    assert set(mapped) == set(expected)
    assert all(torch.equal(mapped[name], tensor) for name, tensor in expected.items())


def test_what_sampling_does_not_need_is_left_out(network, config, released):
    released["first_stage_model.encoder.conv_in.weight"] = torch.zeros(1)
    released["cond_stage_model.pos_encoding.freqs"] = torch.zeros(7)
    released["model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_q.weight"] = torch.zeros(8, 8)
    assert set(network_state(released, config, network.null_prompt)) == set(network.state_dict())


def test_a_foreign_tensor_is_named(network, config, released):
    with pytest.raises(InputError, match=r"got controlnet\.weight"):
        network_state({**released, "controlnet.weight": torch.zeros(1)}, config, network.null_prompt)


def test_a_missing_part_is_named(network, config, released):
    without = {name: tensor for name, tensor in released.items() if not name.startswith("ref_extractor")}
    with pytest.raises(InputError, match=r"ref_extractor\.unet"):
        network_state(without, config, network.null_prompt)


def test_a_missing_tensor_is_named(network, config, released):
    del released["model.diffusion_model.middle_block.1.proj_in.weight"]
    with pytest.raises(InputError, match=r"generation\.mid_block\.attentions\.0\.proj_in\.weight is missing"):
        network_state(released, config, network.null_prompt)


def test_an_encoder_in_another_order_is_refused(network, config, released):
    names = [name for name in released if ".cond_encoder." in name]
    turned = dict(zip(names, [released[name] for name in names][::-1], strict=True))
    with pytest.raises(InputError, match=r"encoder\.stem\.weight has shape"):
        network_state({**released, **turned}, config, network.null_prompt)
