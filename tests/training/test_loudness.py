"""Blocks of a UNet that grow louder than what is drawn needs."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
import torch
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

from loki_core.diffusion.unet import FrameUNet
from loki_core.training.loudness import LOUD, heard
from tests.dex.tiny import TINY

FRAMES = 3
BLOCKS = 12
"""Residual blocks and attentions of the tiny UNet."""


@pytest.fixture
def unet() -> FrameUNet:
    torch.manual_seed(0)
    return FrameUNet(replace(TINY.unet, attention=("none", "full")))


def draw(unet: FrameUNet) -> Tensor:
    latents = torch.randn((FRAMES, 12, 8, 8), generator=torch.Generator().manual_seed(1))
    out: Tensor = unet(latents, torch.tensor([10, 500, 999]))
    return out


def last_block(unet: FrameUNet) -> nn.Module:
    """A residual block, with nothing behind it but the last normalisation and convolution."""
    return [module for module in unet.modules() if isinstance(module, ResnetBlock2D)][-1]


def what_it_is_made_by(unet: FrameUNet) -> list[nn.Parameter]:
    """Its output is as large as these are."""
    return [each for name, each in last_block(unet).named_parameters() if name.startswith(("conv2.", "conv_shortcut."))]


def louder(unet: FrameUNet, factor: float) -> None:
    with torch.no_grad():
        for each in what_it_is_made_by(unet):
            each.mul_(factor)


def test_an_untrained_network_is_quiet_in_all_its_blocks(unet: FrameUNet):
    with heard(unet) as found:
        draw(unet)
    assert [each.item() for each in found] == [0.0] * BLOCKS


def test_silence_has_a_slope_of_nothing(unet: FrameUNet):
    louder(unet, 0.0)
    with heard(unet) as found:
        draw(unet)
    torch.stack(found).sum().backward()
    assert all(bool((each.grad == 0).all()) for each in what_it_is_made_by(unet) if each.grad is not None)


def test_a_block_counts_by_the_logarithm_of_what_it_is_too_loud(unet: FrameUNet):
    before = draw(unet)
    excesses = []
    for factor in (1e5, 10.0):
        louder(unet, factor)
        with heard(unet) as found:
            after = draw(unet)
        assert sum(each.item() > 0 for each in found) == 1
        excesses.append(torch.stack(found).sum().item())
    assert excesses[1] - excesses[0] == pytest.approx(log(10), abs=1e-4)
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3)  # the normalisation behind hides it


def test_what_is_too_loud_is_the_mean_over_frames(unet: FrameUNet):
    louder(unet, 1e5)
    made: list[Tensor] = []
    last_block(unet).register_forward_hook(lambda block, given, out: made.append(out))
    with heard(unet) as found:
        draw(unet)
    expected = sum(log(frame.square().mean().sqrt() / LOUD) for frame in made[0].detach()) / FRAMES
    assert torch.stack(found).sum().item() == pytest.approx(expected, rel=1e-4)


def test_the_gradient_of_a_loud_block_is_as_strong_however_loud_it_is(unet: FrameUNet):
    weights = what_it_is_made_by(unet)
    for factor in (1e4, 1e3):
        louder(unet, factor)
        with heard(unet) as found:
            draw(unet)
        slopes = torch.autograd.grad(torch.stack(found).sum(), weights)
        along = sum((slope * weight).sum().item() for slope, weight in zip(slopes, weights, strict=True))
        assert along == pytest.approx(1, rel=1e-3)


def test_nothing_is_heard_without_gradients_or_afterwards(unet: FrameUNet):
    with heard(unet) as found, torch.no_grad():
        draw(unet)
    draw(unet)
    assert found == []
    with pytest.raises(ZeroDivisionError), heard(unet):
        _ = 1 / 0
    assert not any(module._forward_hooks for module in unet.modules())
