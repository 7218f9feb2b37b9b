"""LIA-X's network against its plain formulation, at tiny size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from benchmarks import lia_x_plain as plain
from loki_core.lia_x.generator import Generator, LiaXConfig
from loki_core.lia_x.layers import channels_together, freeze, laid_for_decoder

TINY = LiaXConfig(scale=1 / 64, motion_dim=5, size=64)


@pytest.fixture
def generator() -> Generator:
    """Random weights, with flows, biases and gammas large enough to matter."""
    torch.manual_seed(0)
    generator = Generator(TINY)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith(("bias", "gamma")) or ".flow" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=draw))
    return generator


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_public_configuration_has_the_released_keys_and_size() -> None:
    with torch.device("meta"):
        generator = Generator(LiaXConfig())
    state = generator.state_dict()
    assert len(state) == 596
    assert sum(p.numel() for p in generator.parameters()) == pytest.approx(910.57e6, rel=1e-5)
    assert sum(p.numel() for p in generator.enc.parameters()) == pytest.approx(115.79e6, rel=1e-4)
    assert state["dec.conv_512_1.conv.weight"].shape == (1, 1024, 1024, 3, 3)
    assert state["dec.flow7.conv.modulation.weight"].shape == (128, 1024)


@pytest.mark.parametrize("frozen", [False, True])
def test_network_equals_the_plain_formulation(generator: Generator, images: torch.Tensor, frozen: bool) -> None:
    state = generator.state_dict()
    latent, alpha, features = plain.encode(state, images[:1])
    _, alphas, _ = plain.encode(state, images[1:])
    expected = plain.decode(state, latent, alphas, features)
    if frozen:
        freeze(generator)
        generator.dec.direction.keep()
    source, driver = generator.enc(images[:1]), generator.enc(images[1:])
    torch.testing.assert_close(source.alpha, alpha, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(source.features, features, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        generator.dec(generator.navigate(source, driver.alpha), source.features), expected, rtol=1e-3, atol=1e-3
    )


@pytest.fixture
def two_threads() -> Iterator[None]:
    """So that the decoder's paths run side by side, whatever the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("laid", [torch.Tensor.contiguous, channels_together, laid_for_decoder])
@pytest.mark.usefixtures("two_threads")
def test_inference_equals_the_plain_formulation_however_features_lie_in_memory(
    generator: Generator, images: torch.Tensor, laid: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    state = dict(generator.state_dict())
    freeze(generator)
    generator.dec.direction.keep()
    with torch.inference_mode():
        latent, _, features = plain.encode(state, images[:1])
        _, alphas, _ = plain.encode(state, images[1:])
        source, driver = generator.enc(images[:1]), generator.enc(images[1:])
        torch.testing.assert_close(driver.alpha, alphas, rtol=1e-4, atol=1e-5)
        ours = tuple(laid(feature) for feature in source.features)
        for few in (driver.alpha, driver.alpha[:1]):  # one picture has a kernel of its own
            torch.testing.assert_close(
                generator.dec(generator.navigate(source, few), ours),
                plain.decode(state, latent, alphas[: len(few)], features),
                rtol=1e-3,
                atol=1e-3,
            )


def test_paths_side_by_side_give_what_one_after_the_other_gives(generator: Generator, images: torch.Tensor) -> None:
    freeze(generator)
    threads = torch.get_num_threads()
    with torch.no_grad():
        source = generator.enc(images[:1])
        pictures = []
        for count in (1, 2):
            torch.set_num_threads(count)
            pictures.append(generator.dec(source.latent, source.features))
        torch.set_num_threads(threads)
    torch.testing.assert_close(*pictures, rtol=1e-3, atol=1e-3)
    assert not pictures[1].requires_grad


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_the_flow_path_is_raised_where_the_picture_was_asked_for(generator: Generator, images: torch.Tensor) -> None:
    freeze(generator)
    with torch.inference_mode():
        source = generator.enc(images[:1])
        with pytest.raises(ValueError, match="argument 2 is shorter"):
            generator.dec(source.latent, source.features[:-1])


def test_dictionary_is_orthonormal_and_float32_in_half_precision(generator: Generator) -> None:
    generator.half()
    dictionary = generator.dec.direction.dictionary()
    assert dictionary.dtype == torch.float32
    torch.testing.assert_close(dictionary.T @ dictionary, torch.eye(TINY.motion_dim), atol=1e-5, rtol=0)


def test_relative_motion_from_the_first_frame_itself_leaves_the_edited_portrait(
    generator: Generator, images: torch.Tensor
) -> None:
    source, start = generator.enc(images[:1]), generator.enc(images[1:2]).alpha
    edited = source.alpha + 0.3
    torch.testing.assert_close(generator.navigate(source, start, start, edited), generator.navigate(source, edited))


def test_picture_of_another_size_is_refused(generator: Generator) -> None:
    with pytest.raises(ValueError, match="expected pictures of 64x64, got 32x48"):
        generator.enc(torch.zeros(1, 3, 48, 32))


def test_gradients_reach_every_parameter(generator: Generator, images: torch.Tensor) -> None:
    source = generator.enc(images[:1])
    generator.dec(generator.navigate(source, source.alpha), source.features).square().mean().backward()
    silent = [name for name, p in generator.named_parameters() if p.grad is None]
    assert silent == []
