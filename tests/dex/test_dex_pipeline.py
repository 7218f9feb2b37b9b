"""The animator and its pipeline at tiny size."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from loki_core.dex.configs import DexConfig, dex_preset, dex_without
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.network import Conditions, DexNetwork
from loki_core.dex.pipeline import DexMotion, DexPipeline, KnownPortrait
from loki_core.dex.saved import read_motion_network
from loki_core.dex.similarity import pose_matrix, warp_volume
from loki_core.diffusion.configs import EncoderConfig, preset
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.pipeline import SamplerConfig
from loki_core.errors import InputError
from tests.dex.tiny import TINY, TINY_MOTION

QUICK = SamplerConfig(steps=3, overlap=2)


@pytest.fixture(scope="module")
def pipe() -> DexPipeline:
    """Random weights, what begins at zero included."""
    torch.manual_seed(0)
    network = DexNetwork(TINY.to_dict())
    for part in (network.warp, network.sketch, network.echo):
        torch.nn.init.normal_(part.out.weight, std=0.3)
    torch.nn.init.normal_(network.face.weight, std=0.3)
    return DexPipeline.build(network)


def known(pipe: DexPipeline, seed: int = 0) -> KnownPortrait:
    picture = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return pipe.remember(picture, torch.zeros(16, 16))


def motion(frames: int, *, pose: int = 1, face: int = 2) -> DexMotion:
    def noise(seed: int, width: int) -> torch.Tensor:
        return torch.randn(frames, width, generator=torch.Generator().manual_seed(seed))

    return DexMotion(pose_matrix(noise(pose, 6) * 0.3), noise(face, 8))


def drawn(pipe: DexPipeline, moved: DexMotion, config: SamplerConfig = QUICK) -> torch.Tensor:
    return torch.stack(list(pipe.sample(known(pipe), moved, config)))


def test_a_clip_of_any_length_comes_out(pipe: DexPipeline):
    for frames in (1, 4, 7):
        out = drawn(pipe, motion(frames))
        assert out.shape == (frames, 3, 16, 16) and out.isfinite().all() and out.abs().max() <= 1


def test_portrait_pose_and_expression_each_matter(pipe: DexPipeline):
    plain = drawn(pipe, motion(2))
    assert not torch.allclose(plain, drawn(pipe, motion(2, pose=5)))
    assert not torch.allclose(plain, drawn(pipe, motion(2, face=5)))
    assert not torch.allclose(plain, torch.stack(list(pipe.sample(known(pipe, 3), motion(2), QUICK))))


def test_a_part_of_a_clip_is_what_it_is_in_the_whole(pipe: DexPipeline):
    whole = drawn(pipe, motion(7))
    part = torch.stack(list(pipe.sample(known(pipe), motion(7), QUICK, part=range(5, 7))))
    torch.testing.assert_close(part, whole[5:7], atol=1e-4, rtol=0)


def test_progressive_guidance_begins_without_expression(pipe: DexPipeline):
    config = replace(QUICK, steps=5, guidance=Guidance(2.5, progressive=2))
    plain = replace(config, guidance=Guidance(2.5))
    assert not torch.allclose(drawn(pipe, motion(2), config), drawn(pipe, motion(2), plain))


@pytest.mark.parametrize(("name", "least", "most"), [("mini", 5e6, 12e6), ("paper", 1e9, 4e9)])
def test_the_presets_can_be_built(name: str, least: float, most: float):
    with torch.device("meta"):
        network = DexNetwork(dex_preset(name).to_dict())
    assert least < sum(weight.numel() for weight in network.parameters()) < most


def test_an_untrained_warp_sketch_echo_and_face_add_nothing():
    network = DexNetwork(TINY.to_dict())
    assert not network.warp(torch.randn(1, 8, 8, 8), torch.eye(3, 4)[None]).any()
    assert not network.sketch(torch.randn(1, 8, 8, 8)).any() and not network.echo(torch.randn(1, 8, 8, 8)).any()
    assert not network.face(torch.randn(1, 8)).any()


def test_what_says_pose_and_expression_gets_no_gradients_and_all_else_does():
    torch.manual_seed(0)
    network = DexNetwork(TINY.to_dict())
    for part in (network.warp, network.sketch, network.echo):
        torch.nn.init.normal_(part.out.weight, std=0.3)
    observed = network.observe(torch.randn(1, 12, 8, 8), torch.randn(1, 3, 16, 16))
    moved = motion(2)
    told = network.conditions(observed, torch.eye(3, 4)[None], moved.poses[None], moved.expressions[None])
    times = torch.full((1, 2), 500)
    network.predict(torch.randn(1, 2, 12, 8, 8), times, told, observed.bank).square().mean().backward()
    without = {name.rsplit(".", 1)[0] for name, weight in network.named_parameters() if weight.grad is None}
    said = ("motion.pose.", "motion.expression.", "motion.readout")
    assert {name for name in without if not name.startswith(said)} == {"motion.decoder.out"}  # of the picture alone
    assert all(weight.grad is None for name, weight in network.named_parameters() if name.startswith(said))


def test_networks_of_both_systems_are_made_of_the_same_unet(pipe: DexPipeline):
    loki = LokiNetwork(replace(preset("mini"), unet=TINY.unet, encoder=EncoderConfig(widths=(8,), unshuffle=2)).to_dict())
    for part in ("generation", "reference"):
        ours, theirs = getattr(pipe.network, part), getattr(loki, part)
        assert type(ours) is type(theirs) and set(ours.layers) == set(theirs.layers)


def conditions(pipe: DexPipeline, config: DexConfig) -> Conditions:
    """What a network of that configuration is told, with the weights of another."""
    network = DexNetwork(config.to_dict())
    network.load_state_dict(pipe.network.state_dict())
    draw = torch.Generator().manual_seed(1)
    moved, observed = motion(2), network.observe(*(torch.randn(1, *shape, generator=draw) for shape in ((12, 8, 8), (3, 16, 16))))
    return network.conditions(observed, torch.eye(3, 4)[None], moved.poses[None], moved.expressions[None])


def test_a_network_without_rays_or_warping_is_told_the_rest(pipe: DexPipeline):
    whole, blind, stiff = (conditions(pipe, c) for c in (TINY, dex_without(TINY, "rays"), dex_without(TINY, "warping")))
    assert not blind.rays.any() and torch.equal(blind.added, whole.added)
    assert torch.equal(stiff.rays, whole.rays) and torch.equal(stiff.added[:, 0], stiff.added[:, 1])
    assert not torch.equal(whole.added[:, 0], whole.added[:, 1])
    assert torch.equal(blind.sketch, whole.sketch) and not torch.allclose(stiff.sketch, whole.sketch)


def test_without_expression_the_network_is_told_of_pose_alone(pipe: DexPipeline):
    whole, one, none = conditions(pipe, TINY), torch.ones(1), torch.zeros(1)
    faceless, nothing = whole.kept(one, none), whole.kept(none, one)
    assert torch.equal(faceless.rays, whole.rays) and torch.equal(faceless.added, whole.added)
    assert not faceless.sketch.any() and not faceless.echo.any() and not faceless.tokens.any() and not faceless.face.any()
    assert not any(part.any() for part in (nothing.rays, nothing.added, nothing.sketch, nothing.echo, nothing.tokens))


def test_the_sketch_is_what_the_motion_trainer_draws(pipe: DexPipeline):
    network, draw, moved = pipe.network, torch.Generator().manual_seed(4), motion(1)
    picture, latents = torch.rand(1, 3, 16, 16, generator=draw), torch.rand(1, 12, 8, 8, generator=draw)
    observed = network.observe(latents, picture)
    told = network.conditions(observed, torch.eye(3, 4)[None], moved.poses[None], moved.expressions[None])
    trainer = network.motion
    warped = warp_volume(trainer.appearance(picture), moved.poses)  # from the identity
    drawn, features = trainer.decoder(warped, moved.poses, moved.expressions)
    drawing = network.draw_sketch(observed.volume, torch.eye(3, 4)[None], moved.poses[None], moved.expressions[None])
    torch.testing.assert_close(drawing.picture[0], drawn)
    torch.testing.assert_close(told.sketch[0], network.sketch(features))
    torch.testing.assert_close(told.echo[0], network.echo(features))


def test_the_drawing_goes_past_the_unet_as_far_as_the_time_says(pipe: DexPipeline):
    network, told = pipe.network, conditions(pipe, TINY)
    torch.manual_seed(7)
    noisy, times = torch.randn(1, 2, 12, 8, 8), torch.full((1, 2), 500)
    bank = network.observe(torch.randn(1, 12, 8, 8), torch.randn(1, 3, 16, 16)).bank
    with torch.no_grad():
        whole = network.predict(noisy, times, told, bank)
        silent = network.predict(noisy, times, replace(told, echo=torch.zeros_like(told.echo)), bank)
        levels = network.echo.levels(network.generation.embed(times[0], noisy.dtype))
    torch.testing.assert_close(whole - silent, told.echo * levels[None, :, :, None, None], atol=1e-4, rtol=1e-3)


def test_every_block_hears_the_expression(pipe: DexPipeline):
    network, whole = pipe.network, conditions(pipe, TINY)
    torch.manual_seed(6)
    noisy, times = torch.randn(1, 2, 12, 8, 8), torch.full((1, 2), 500)
    heard = [layer for name, layer in network.generation.named_modules() if name.endswith("time_emb_proj")]
    seen: list[torch.Tensor] = []
    hooks = [layer.register_forward_pre_hook(lambda module, given: seen.extend(given)) for layer in heard]
    observed = network.observe(torch.zeros(1, 12, 8, 8), torch.zeros(1, 3, 16, 16))
    with torch.no_grad():
        time = network.generation.time_embedding(network.generation.time_proj(times.flatten()))
        network.predict(noisy, times, whole, observed.bank)
    for hook in hooks:
        hook.remove()
    assert whole.face.any() and len(seen) == len(heard) > 0
    for given in seen:
        torch.testing.assert_close(given, torch.nn.functional.silu(time + whole.face[0]))


def test_a_portrait_of_another_size_is_refused(pipe: DexPipeline):
    with pytest.raises(ValueError, match="16 x 16"):
        pipe.remember(torch.zeros(3, 20, 20), torch.zeros(20, 20))


@pytest.fixture
def saved(pipe: DexPipeline, tmp_path: Path) -> Path:
    pipe.save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def test_saved_weights_draw_the_same_clip_and_hold_no_pickle(pipe: DexPipeline, saved: Path):
    again = DexPipeline.from_pretrained(saved)
    torch.testing.assert_close(drawn(pipe, motion(3)), drawn(again, motion(3)), atol=1e-4, rtol=0)
    assert {p.suffix for p in saved.rglob("*") if p.is_file()} == {".json", ".safetensors"}


def test_weights_of_another_architecture_are_refused_by_name(saved: Path):
    path = saved / "network" / "config.json"
    config = json.loads(path.read_text())
    config["architecture"]["unet"]["widths"] = [8, 24]
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"architecture 'tiny'.*has shape \(16.* instead of \(24"):
        DexPipeline.from_pretrained(saved)


def test_an_unknown_setting_is_refused_by_name(saved: Path):
    path = saved / "network" / "config.json"
    config = json.loads(path.read_text())
    config["architecture"]["lift"]["tempo"] = 3
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match="got tempo"):
        DexPipeline.from_pretrained(saved)


def test_a_pickle_in_place_of_the_weights_is_refused_by_name(saved: Path):
    weights = saved / "network" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(InputError, match="diffusion_pytorch_model.bin, a pickle"):
        DexPipeline.from_pretrained(saved)


def test_a_folder_of_another_pipeline_is_refused(saved: Path):
    (saved / "model_index.json").write_text('{"_class_name": "LokiPipeline"}')
    with pytest.raises(InputError, match="got LokiPipeline"):
        DexPipeline.from_pretrained(saved)


def test_the_motion_trainer_is_saved_by_itself(tmp_path: Path):
    torch.manual_seed(0)
    network = MotionNetwork(TINY_MOTION.to_dict())
    network.save_pretrained(tmp_path / "motion")
    again = read_motion_network(tmp_path / "motion")
    expected = network.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in again.state_dict().items())
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} == {".json", ".safetensors"}
