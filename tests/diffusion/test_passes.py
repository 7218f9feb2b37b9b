"""Memory that runs out: the same pictures, in smaller parts."""

from __future__ import annotations

import logging

import pytest
import torch
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D

from loki_core.diffusion.encoder import ConditioningEncoder
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.passes import Passes
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.head.model import HeadId
from tests.diffusion.tiny import make_tiny, tiny

CONFIG = SamplerConfig(steps=2, overlap=1, guidance=Guidance(1.5))


def small_memory(network: LokiNetwork, kind: type[torch.nn.Module], most: int) -> list[int]:
    """Lets what is in such layers raise for more than `most` frames; the numbers of frames that it was asked for."""
    asked: list[int] = []

    def check(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        asked.append(len(inputs[0]))
        if len(inputs[0]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")

    for layer in network.modules():
        if isinstance(layer, kind):
            inner = next(each for each in layer.modules() if isinstance(each, torch.nn.Conv2d | torch.nn.Linear))
            inner.register_forward_pre_hook(check)
    return asked


def picture_and_maps(frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(3, 16, 16, generator=generator) * 2 - 1, torch.randn(frames, 45, 16, 16, generator=generator)


@pytest.mark.parametrize("kind", [ResnetBlock2D, FeedForward, ConditioningEncoder])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_with_too_little_memory_pictures_are_the_same_and_it_is_said_once(kind, most: int, caplog: pytest.LogCaptureFixture):
    image, maps = picture_and_maps(7)
    network = make_tiny(tiny())
    pipeline = LokiPipeline.build(network, HeadId("tiny", "0"))
    whole = pipeline(image, maps, CONFIG)
    asked = small_memory(network, kind, most)
    with caplog.at_level(logging.WARNING, "loki_core"):
        parts = pipeline(image, maps, CONFIG)
    torch.testing.assert_close(parts, whole, atol=1e-4, rtol=0)
    assert max(asked) == 4 and asked[-1] <= most
    assert [record.getMessage() for record in caplog.records] == [
        "memory was not enough for 4 frames at once; slower, with fewer, to the same pictures"
    ]


def test_what_was_learnt_of_the_memory_is_kept():
    image, maps = picture_and_maps(4)
    network = make_tiny(tiny())
    pipeline = LokiPipeline.build(network, HeadId("tiny", "0"))
    asked = small_memory(network, ResnetBlock2D, 2)
    pipeline(image, maps, CONFIG)
    asked.clear()
    pipeline(image, maps, CONFIG)
    assert max(asked) == 2


def test_a_network_that_was_compiled_goes_on_as_it_was_written():
    network = make_tiny(tiny())
    network.generation.compile()
    small_memory(network, ConditioningEncoder, 2)
    Passes(network, 4)(lambda: network.encode(torch.zeros(1, 4, 45, 16, 16)))
    assert network.generation._compiled_call_impl is None


def test_where_one_frame_is_too_much_the_error_comes_out():
    network = make_tiny(tiny())
    passes = Passes(network, 4)
    small_memory(network, ConditioningEncoder, 0)
    with pytest.raises(torch.OutOfMemoryError):
        passes(lambda: network.encode(torch.zeros(1, 4, 45, 16, 16)))
    assert passes.frames == 1


def test_parts_that_wait_elsewhere_draw_the_same_pictures():
    image, maps = picture_and_maps(5)
    network = make_tiny(tiny())
    pipeline = LokiPipeline.build(network, HeadId("tiny", "0"))
    whole = pipeline(image, maps, CONFIG)
    pipeline.offload(torch.device("cpu"))
    torch.testing.assert_close(pipeline(image, maps, CONFIG), whole)
    assert all(hasattr(part, "_hf_hook") for part in (network.reference, network.generation))
