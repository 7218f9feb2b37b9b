"""Sampling side by side gives what the pipeline gives one by one."""

from __future__ import annotations

import pytest
import torch

from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.training.sampling import sample_windows

CONFIG = SamplerConfig(steps=3, guidance=Guidance(motion=1.5), seed=4)


def inputs(windows: int, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    references = torch.randint(0, 256, (windows, 3, 16, 16), generator=generator, dtype=torch.uint8)
    return references, torch.rand((windows, frames, 45, 16, 16), generator=generator)


@pytest.mark.parametrize("guidance", [Guidance(motion=1.0), Guidance(motion=1.5), Guidance(motion=2.0, identity=1.2)])
def test_windows_side_by_side_are_those_of_the_pipeline(tiny_pipeline: LokiPipeline, guidance: Guidance):
    references, maps = inputs(3, 2)
    config = SamplerConfig(steps=3, guidance=guidance, seed=4)
    made = sample_windows(tiny_pipeline, references, maps, config)
    for index in range(3):
        alone = tiny_pipeline(references[index].float() / 127.5 - 1, maps[index], config)
        assert (made[index].float() - (alone + 1) * 127.5).abs().max() <= 1


def test_a_reference_that_several_windows_share_is_as_if_it_came_with_each(tiny_pipeline: LokiPipeline):
    references, maps = inputs(6, 2)
    shared = sample_windows(tiny_pipeline, references[:2], maps, CONFIG)
    repeated = sample_windows(tiny_pipeline, references[:2].repeat_interleave(3, 0), maps, CONFIG)
    assert (shared.float() - repeated.float()).abs().max() <= 1


def test_a_reference_is_looked_at_once(tiny_pipeline: LokiPipeline):
    references, maps = inputs(6, 2)
    seen: list[int] = []
    hook = tiny_pipeline.network.reference.conv_in.register_forward_pre_hook(lambda module, given: seen.append(len(given[0])))
    sample_windows(tiny_pipeline, references[:2], maps, CONFIG)
    hook.remove()
    assert seen == [2, 1]  # the second stands for no reference


def test_windows_that_do_not_share_out_are_refused(tiny_pipeline: LokiPipeline):
    references, maps = inputs(3, 2)
    with pytest.raises(ValueError, match="for each of 2 references, got 3"):
        sample_windows(tiny_pipeline, references[:2], maps, CONFIG)


def test_half_precision_is_close(tiny_pipeline: LokiPipeline):
    references, maps = inputs(2, 1)
    whole, half = (sample_windows(tiny_pipeline, references, maps, CONFIG, half=half) for half in (False, True))
    assert (whole.float() - half.float()).abs().mean() < 10


def test_a_window_longer_than_the_networks_is_refused(tiny_pipeline: LokiPipeline):
    with pytest.raises(ValueError, match="1 to 16 frames"):
        sample_windows(tiny_pipeline, *inputs(1, 17), CONFIG)


def test_progressive_guidance_needs_inputs_without_expression(tiny_pipeline: LokiPipeline):
    config = SamplerConfig(steps=3, guidance=Guidance(motion=1.5, progressive=1))
    with pytest.raises(ValueError, match="give them as `bare`"):
        sample_windows(tiny_pipeline, *inputs(1, 1), config)
