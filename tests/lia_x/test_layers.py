"""Layers computed strip by strip against the same layers on the whole map."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from loki_core.lia_x.layers import (
    EqualConv2d,
    FlowResBlock,
    FusedLeakyReLU,
    ResBlock,
    StyledConv,
    Upsample,
    by_strips,
    channels_together,
    conv_layer,
    freeze,
    laid_for_decoder,
    spare_for,
)

CHANNELS, STYLE = 3, 4


def picture(height: int, *, channels: int = CHANNELS) -> torch.Tensor:
    return torch.randn(1, channels, height, 5, generator=torch.Generator().manual_seed(height))


def joined(x: torch.Tensor, path: nn.Module, growth: int) -> torch.Tensor:
    """All strips, each written where it says it belongs."""
    out = torch.full((1, CHANNELS, growth * x.shape[2], growth * x.shape[3]), torch.nan)
    for rows, part in by_strips(x, path, growth=growth):
        out[:, :, rows] = part
    return out


@settings(max_examples=20, deadline=None)
@given(height=st.integers(1, 100))
def test_strips_of_a_convolution_are_the_whole_one(height: int) -> None:
    torch.manual_seed(0)
    path = freeze(conv_layer(CHANNELS, CHANNELS, 3))
    with torch.inference_mode():
        torch.testing.assert_close(joined(picture(height), path, 1), path(picture(height)), rtol=1e-4, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(height=st.integers(1, 100))
def test_strips_of_an_upsampling_convolution_are_the_whole_one(height: int) -> None:
    torch.manual_seed(0)
    path = freeze(nn.Sequential(Upsample(), EqualConv2d(CHANNELS, CHANNELS, 3, padding=1), FusedLeakyReLU(CHANNELS)))
    with torch.inference_mode():
        torch.testing.assert_close(joined(picture(height), path, 2), path(picture(height)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("height", [5, 64, 75])
def test_residual_blocks_with_spare_memory_give_what_they_give_without(height: int) -> None:
    torch.manual_seed(0)
    plain, styled = freeze(ResBlock(CHANNELS)), freeze(FlowResBlock(CHANNELS, STYLE))
    nn.init.normal_(styled.get_parameter("gamma"))
    style = torch.randn(1, STYLE)
    with torch.inference_mode():
        x = channels_together(picture(height))
        spare = spare_for(x)
        assert spare is not None
        torch.testing.assert_close(plain(x.clone(), spare), plain(x), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(styled(x.clone(), style, spare), styled(x, style), rtol=1e-4, atol=1e-5)


def test_a_styled_convolution_gives_each_of_a_batch_what_it_gives_it_alone() -> None:
    torch.manual_seed(0)
    conv = StyledConv(CHANNELS, CHANNELS, 3, STYLE)
    x, style = torch.cat([picture(40), picture(40) + 1]), torch.randn(2, STYLE)
    alone = torch.cat([conv(x[i : i + 1], style[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(conv(x, style), alone, rtol=1e-4, atol=1e-5)


def test_thin_features_lie_with_channels_together_and_wide_ones_do_not() -> None:
    with torch.inference_mode():
        thin, wide = (laid_for_decoder(picture(8, channels=count)) for count in (64, 65))
    assert thin.is_contiguous(memory_format=torch.channels_last) and not thin.is_contiguous()
    assert wide.is_contiguous()


def test_training_computes_whole_maps() -> None:
    assert spare_for(channels_together(picture(8))) is None
