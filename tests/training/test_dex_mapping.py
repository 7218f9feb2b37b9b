"""The mapping is found where the relation is known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from loki_core.dex.coefficients import feature_count
from loki_core.dex.mapping import MAPPING_FOLDER, motion_fingerprint, read_mapping, save_mapping
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.saved import read_dex, saved_fingerprint
from loki_core.head.embedded import embedded_head
from loki_core.training.dex_mapping import MappingConfig, fit_mapping, solve_within
from tests.dex.saved import make_tiny_dex
from tests.dex.tiny import TINY_MOTION

HEAD = embedded_head()


@pytest.fixture(scope="module")
def network() -> MotionNetwork:
    torch.manual_seed(0)
    return MotionNetwork(TINY_MOTION.to_dict()).eval()


def test_a_linear_relation_is_found_whatever_is_each_persons_own():
    draw = torch.Generator().manual_seed(0)
    weights, inputs = torch.randn(5, 3, generator=draw), torch.randn(200, 4, 5, generator=draw)
    own = torch.randn(200, 1, 3, generator=draw) * 10
    torch.testing.assert_close(solve_within(inputs, inputs @ weights + own), weights, atol=0.01, rtol=0)


def test_inputs_that_never_change_get_no_weight():
    draw = torch.Generator().manual_seed(1)
    inputs = torch.randn(50, 4, 5, generator=draw)
    inputs[..., 2] = 3.0
    found = solve_within(inputs, torch.randn(50, 4, 2, generator=draw))
    assert found.isfinite().all() and not found[2].any()


def test_a_mapping_fits_its_network_and_head(network: MotionNetwork):
    told = []
    mapping = fit_mapping(network, HEAD, MappingConfig(people=3, frames=3), progress=lambda *p: told.append(p))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert mapping.head == HEAD.id and mapping.motion == motion_fingerprint(network.state_dict())
    assert mapping.face.shape == (feature_count(HEAD.expression_count), 8) and mapping.pose.shape == (6, 6)


def test_the_same_people_give_the_same_mapping(network: MotionNetwork):
    one, other = (fit_mapping(network, HEAD, MappingConfig(people=3, frames=3)) for _ in range(2))
    assert torch.equal(one.face, other.face) and torch.equal(one.pose, other.pose) and one.motion == other.motion


def test_a_mapping_fits_the_weights_that_its_network_is_saved_in(tmp_path: Path):
    pipeline = make_tiny_dex()
    pipeline.save_pretrained(tmp_path)
    mapping = fit_mapping(read_dex(tmp_path)[0].motion, HEAD, MappingConfig(people=2, frames=3))
    save_mapping(mapping, tmp_path / MAPPING_FOLDER)
    again = read_mapping(tmp_path / MAPPING_FOLDER, HEAD, saved_fingerprint(tmp_path), 8)
    assert torch.equal(again.face, mapping.face) and torch.equal(again.pose, mapping.pose)
