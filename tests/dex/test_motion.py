"""The motion trainer's networks at tiny size."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.dex.blocks import AdaptiveBlock
from loki_core.dex.configs import MotionConfig, dex_preset
from loki_core.dex.motion import MotionNetwork
from loki_core.errors import InputError
from tests.dex.tiny import TINY, TINY_MOTION


def pictures(seed: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def clips(seed: int, count: int = 3) -> torch.Tensor:
    return pictures(seed, 2 * count).unflatten(0, (2, count))


FINE = replace(TINY_MOTION, volume=replace(TINY_MOTION.volume, widths=(8, 12)), decoder=(8, 6))
"""With a volume that is finer than the last stage, and two blocks of one size."""
COARSE = replace(FINE, volume=replace(FINE.volume, level=1))
"""With a volume of the last stage's size; the second block doubles it."""
RESIDUAL = replace(TINY_MOTION, pose=replace(TINY_MOTION.pose, depths=None))


@pytest.fixture(params=[TINY_MOTION, RESIDUAL, FINE, COARSE], ids=["convnext", "residual", "fine", "coarse"])
def network(request: pytest.FixtureRequest) -> MotionNetwork:
    torch.manual_seed(0)
    return MotionNetwork(request.param.to_dict()).eval()


def test_each_encoder_gives_what_it_is_for(network: MotionNetwork):
    side = 4 if network.motion == COARSE else 8
    assert network.appearance(pictures(0)).shape == (2, 4, 4, side, side)
    assert network.pose(pictures(0)).shape == (2, 3, 4)
    assert network.expression(pictures(0)).shape == (2, 8)


def test_an_untrained_pose_is_near_the_identity_and_has_no_shear(network: MotionNetwork):
    pose = network.pose(pictures(0))
    assert (pose - torch.eye(3, 4)).abs().max() < 1
    gram = pose[..., :3].mT @ pose[..., :3]
    torch.testing.assert_close(gram, gram[:, :1, :1] * torch.eye(3))
    assert not pose[:, 2, 3].any()


def test_source_pose_and_expression_each_change_what_is_drawn(network: MotionNetwork):
    given = [clips(0), clips(2, 2), pictures(1)]
    poses, faces, drawn = network(*given)
    assert drawn.shape == (2, 2, 3, 16, 16) and poses.shape == (2, 3, 3, 4) and faces.shape == (2, 2, 61)
    for index in range(3):
        other = [picture.flip(-1) if place == index else picture for place, picture in enumerate(given)]
        assert not torch.equal(network(*other)[2], drawn)


def test_a_latent_changes_only_what_it_reaches():
    torch.manual_seed(2)
    block, features = AdaptiveBlock(4, 4, 3), torch.randn(1, 4, 8, 8)
    with torch.no_grad():
        for bias, reaches in ((0.0, True), (-30.0, False)):
            block.reach.load_state_dict({"weight": torch.zeros(1, 4, 3, 3), "bias": torch.tensor([bias])})
            still, moved = (block(features, latent[None]) for latent in (torch.zeros(3), torch.ones(3)))
            assert bool((still - moved).abs().max() > 1e-6) == reaches


def test_without_a_source_it_draws_nothing_and_says_the_same(network: MotionNetwork):
    poses, faces, drawn = network(clips(0), clips(2, 2))
    expected = network(clips(0), clips(2, 2), pictures(1))
    assert drawn is None and torch.equal(poses, expected[0]) and torch.equal(faces, expected[1])


def test_each_driver_moves_the_source_by_itself(network: MotionNetwork):
    masked, source, faces = clips(0), pictures(1), clips(2, 2)
    poses, _, together = network(masked, faces, source)
    for index in range(2):
        its, _, alone = network(masked[:, [0, 1 + index]], faces[:, [index]], source)
        torch.testing.assert_close(alone[:, 0], together[:, index], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(its[:, 1], poses[:, 1 + index])


def test_every_weight_gets_a_gradient(network: MotionNetwork):
    _, faces, drawn = network(clips(0), clips(2, 2), pictures(1))
    (faces.square().mean() + drawn.square().mean()).backward()
    assert not [name for name, weight in network.named_parameters() if weight.grad is None]


def test_a_volume_at_no_stage_or_without_a_way_up_is_refused():
    for level, decoder in ((2, (8, 6, 6)), (1, (8,))):
        with pytest.raises(ValueError, match="one of the stages"):
            replace(FINE, volume=replace(FINE.volume, level=level), decoder=decoder)


@pytest.mark.parametrize("config", [TINY_MOTION, dex_preset("mini").motion, dex_preset("paper").motion])
def test_a_config_survives_json(config: MotionConfig):
    assert MotionConfig.from_dict(config.to_dict()) == config


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(InputError, match="config.pose: expected only .* got tempo"):
        MotionConfig.from_dict({**TINY_MOTION.to_dict(), "pose": {"widths": [8], "depths": [1], "tempo": 3}})
    with pytest.raises(InputError, match="choose one"):
        dex_preset("huge")
    assert type(TINY).from_dict(TINY.to_dict()) == TINY
