"""Networks that are told less of a pose: what they do not read has no influence, and older files are read as before."""

from __future__ import annotations

import pytest
import torch

from loki_core.diffusion.configs import LokiConfig, ablated, preset
from loki_core.diffusion.encoder import ConditioningEncoder, VectorEncoder, encoder_input
from loki_core.diffusion.network import LokiNetwork, count_parameters
from loki_core.errors import InputError


def alive(config: LokiConfig) -> LokiNetwork:
    torch.manual_seed(0)
    network = LokiNetwork(config.to_dict()).eval()
    torch.nn.init.normal_(network.encoder.out.weight, std=0.3)
    return network


@pytest.mark.parametrize(("reads", "kept"), [("encoding", slice(0, 42)), ("deformation", slice(42, 45))])
@torch.no_grad()
def test_channels_that_are_not_read_count_as_zero(tiny_config, reads, kept):
    encoder = alive(ablated(tiny_config, reads, numbers=7)).encoder
    whole = ConditioningEncoder(tiny_config.encoder)
    whole.load_state_dict(encoder.state_dict())
    maps = torch.rand(2, 45, 16, 16)
    zeroed = torch.zeros_like(maps)
    zeroed[:, kept] = maps[:, kept]
    assert torch.equal(encoder(maps), whole(zeroed))
    assert not torch.equal(encoder(maps), whole(maps))


@torch.no_grad()
def test_numbers_are_added_alike_at_every_pixel(tiny_config):
    network = alive(ablated(tiny_config, "vector", numbers=7))
    given = encoder_input(network.loki.encoder, torch.rand(1, 2, 45, 16, 16), torch.rand(1, 2, 7))
    added = network.encode(given)
    assert added.shape == (1, 2, 8, 8, 8)
    assert torch.equal(added, added[..., :1, :1].expand_as(added))
    assert not torch.equal(added[:, 0], added[:, 1])


@torch.no_grad()
def test_untrained_numbers_add_nothing(tiny_config):
    encoder = VectorEncoder(ablated(tiny_config, "vector", numbers=7).encoder, 8)
    assert torch.equal(encoder(torch.rand(2, 7, 1, 1)), torch.zeros(2, 8, 8, 8))


def test_networks_on_maps_stay_of_one_size():
    sizes = {reads: count_parameters(ablated(preset("mini"), reads, numbers=70)) for reads in ("map", "encoding", "deformation")}
    assert len({size.total for size in sizes.values()}) == 1


def test_a_file_from_before_is_read_as_a_network_on_maps(tiny_config):
    stored = tiny_config.to_dict()
    del stored["encoder"]["reads"]
    assert LokiConfig.from_dict(stored) == tiny_config
    with pytest.raises(InputError, match="reads"):
        LokiConfig.from_dict({**stored, "encoder": {**stored["encoder"], "reads": "tea leaves"}})


def test_a_saved_network_knows_what_it_reads(tiny_config):
    config = ablated(tiny_config, "vector", numbers=7)
    assert LokiConfig.from_dict(config.to_dict()) == config and config.name == "tiny-vector"
    assert ablated(tiny_config, "map", numbers=7) == tiny_config
