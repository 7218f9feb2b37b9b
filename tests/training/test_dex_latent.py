"""Another basis of the latent changes nothing but the latent."""

from __future__ import annotations

import pytest
import torch

from loki_core.dex.motion import MotionNetwork
from loki_core.head.embedded import embedded_head
from loki_core.training.dex_latent import read_latents, whitened
from tests.dex.tiny import TINY_MOTION

PEOPLE = 30


@pytest.fixture(scope="module")
def network() -> MotionNetwork:
    torch.manual_seed(0)
    made = MotionNetwork(TINY_MOTION.to_dict()).eval()
    made.expression.out.weight.data[0] *= 30  # one axis drowns the others
    return made


@pytest.fixture(scope="module")
def latents(network: MotionNetwork) -> torch.Tensor:
    return read_latents(network, embedded_head(), PEOPLE)


def spreads(latents: torch.Tensor) -> torch.Tensor:
    """Standard deviations within people along the main axes, the largest first."""
    own = (latents - latents.mean(1, keepdim=True)).flatten(0, 1)
    return torch.linalg.svdvals(own / len(own) ** 0.5)


def test_faces_of_one_person_spread_alike_along_the_large_axes(network: MotionNetwork, latents: torch.Tensor):
    even = read_latents(whitened(network, latents), embedded_head(), PEOPLE)
    before, after = spreads(latents), spreads(even)
    assert before[1] < 0.1 * before[0] and after[0] <= 1.01 and after[1] > 0.4 * after[0]
    assert even.mean((0, 1)).abs().max() < 1e-3


def test_what_is_drawn_and_read_stays_the_same(network: MotionNetwork, latents: torch.Tensor):
    draw = torch.Generator().manual_seed(0)
    masked, faces = (torch.rand(2, count, 3, 16, 16, generator=draw) for count in (3, 2))
    source = torch.rand(2, 3, 16, 16, generator=draw)
    with torch.no_grad():
        expected, got = (each(masked, faces, source) for each in (network, whitened(network, latents)))
    assert torch.equal(expected[0], got[0])
    for ours, theirs in zip(expected[1:], got[1:], strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)
    assert not torch.equal(network.expression(faces[:, 0]), whitened(network, latents).expression(faces[:, 0]))
