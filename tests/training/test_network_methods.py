"""Tiny networks with random weights among what is compared: each draws what its own pipeline draws, and hears what it is told."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import pixel_shuffle, silu

from loki_core.data.portraits import draw_map
from loki_core.data.vectors import head_similarity
from loki_core.dex.network import DexNetwork
from loki_core.dex.pipeline import DexMotion, DexPipeline
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.head.embedded import embedded_head
from loki_core.lia_x.animate import LiaX
from loki_core.lia_x.generator import Generator, LiaXConfig
from loki_core.motion.apart import without_expression
from loki_core.raster.driver_map import driver_map, pose_and_deform
from loki_core.training.dex_telling import ByCoefficients, ByPictures, ByWarp
from loki_core.training.held_out import FACE_CHANGED, POSE_CHANGED, HeldOut, draw_held_out
from loki_core.training.methods import Learned, WarpMethod
from loki_core.training.network_methods import DexMethod, LiaXMethod, NetworkMethod, SketchMethod
from loki_core.training.pictures import signed
from tests.dex.saved import tiny_mapping
from tests.dex.tiny import TINY as TINY_DEX

HEAD = embedded_head()
PLAIN = SamplerConfig(steps=5, guidance=Guidance(motion=1.5))
PROGRESSIVE = SamplerConfig(steps=5, guidance=Guidance(motion=1.5, progressive=2))


@pytest.fixture(scope="module")
def scenes() -> HeldOut:
    return draw_held_out(HEAD, size=16, pairs=2, apart=1, movements=1, clips=1)


@pytest.fixture(scope="module")
def dex() -> DexPipeline:
    torch.manual_seed(0)
    network = DexNetwork(TINY_DEX.to_dict())
    for layer in (network.warp.out, network.motion.pose.out):
        torch.nn.init.normal_(layer.weight, std=0.2)
    return DexPipeline.build(network)


@pytest.fixture(scope="module")
def lia_x() -> LiaX:
    torch.manual_seed(0)
    return LiaX(Generator(LiaXConfig(scale=1 / 32, motion_dim=6, size=16)))


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.float() - other.float()).abs().max())


@pytest.mark.parametrize("config", [PLAIN, PROGRESSIVE])
def test_loki_side_by_side_is_what_the_pipeline_draws(config: SamplerConfig, scenes: HeldOut, tiny_pipeline: LokiPipeline):
    sample = scenes.moving[0]
    method = NetworkMethod("tiny", tiny_pipeline, config, HEAD, half=False)
    rest = without_expression(sample.coefficients)
    bare = driver_map(HEAD, rest, sample.camera, sample.crop, size=(16, 16)).map.float()
    alone = tiny_pipeline(signed(sample.reference), sample.maps.float(), config, bare=bare)
    assert difference(method.clips([sample])[0], (alone + 1) * 127.5) <= 1


def test_progressive_guidance_makes_another_picture(scenes: HeldOut, tiny_pipeline: LokiPipeline):
    plain, slow = (NetworkMethod("tiny", tiny_pipeline, config, HEAD, half=False) for config in (PLAIN, PROGRESSIVE))
    assert difference(plain.frames(scenes.pairs), slow.frames(scenes.pairs)) > 1


@pytest.mark.parametrize("config", [PLAIN, PROGRESSIVE])
def test_dex_side_by_side_is_what_the_pipeline_draws(config: SamplerConfig, scenes: HeldOut, dex: DexPipeline):
    samples = [sample.first(2) for sample in (*scenes.pairs, *scenes.apart)]
    made = DexMethod("tiny", dex, config, HEAD, half=False).clips(samples)
    for clip, sample in zip(made, samples, strict=True):
        vertices, moved = pose_and_deform(HEAD, sample.reference_coefficients[None])
        focus = draw_map(HEAD, vertices, moved, sample.camera, sample.crop, size=16)[1][0]
        known = dex.remember(signed(sample.reference), focus)
        motion = DexMotion(
            dex.pose(signed(sample.poses), sample.pose_focus), dex.expression(signed(sample.faces), sample.face_places)
        )
        alone = torch.stack(list(dex.sample(known, motion, config)))
        assert difference(clip, (alone + 1) * 127.5) <= 1


def test_dex_hears_pose_and_face_from_their_own_drivers(scenes: HeldOut, dex: DexPipeline):
    method = DexMethod("tiny", dex, PLAIN, HEAD, half=False)
    inputs = method.inputs(scenes.apart)
    poses, faces = inputs.poses, inputs.expressions
    assert difference(poses[:, 0], poses[:, FACE_CHANGED]) < 1e-5 < 1e-3 < difference(poses[:, 0], poses[:, POSE_CHANGED])
    assert difference(faces[:, 0], faces[:, POSE_CHANGED]) < 1e-5 < 1e-3 < difference(faces[:, 0], faces[:, FACE_CHANGED])


def test_dex_may_be_told_by_coefficients_as_the_renderer_is(scenes: HeldOut, dex: DexPipeline):
    mapping, sample = tiny_mapping(HEAD), scenes.moving[0]
    inputs = DexMethod("tiny", dex, PLAIN, HEAD, half=False, telling=ByCoefficients(mapping)).inputs([sample])
    start, camera, crop = sample.reference_coefficients, sample.camera, sample.crop
    latent = dex.expression(signed(sample.reference[None]), head_similarity(HEAD, start[None], camera, crop))
    expected = mapping.expressions(sample.coefficients, start, latent)
    assert difference(inputs.expressions[0], expected) < 1e-4
    expected = mapping.poses(HEAD, sample.coefficients, start, inputs.sources, camera, crop)
    assert difference(inputs.poses[0], expected) < 1e-4


def test_a_portrait_that_does_not_move_is_told_alike_by_coefficients_and_by_its_picture(scenes: HeldOut, dex: DexPipeline):
    sample = scenes.movements[0]  # its first target is the portrait
    seen, told = (
        DexMethod("tiny", dex, PLAIN, HEAD, half=False, telling=telling).inputs([sample])
        for telling in (ByPictures(), ByCoefficients(tiny_mapping(HEAD)))
    )
    assert difference(seen.poses[:, 0], told.poses[:, 0]) < 1e-4
    assert difference(seen.expressions[:, 0], told.expressions[:, 0]) < 1e-4


def test_the_warp_tells_dex_what_its_pictures_show(scenes: HeldOut, dex: DexPipeline):
    sample = scenes.pairs[0]
    inputs = DexMethod("tiny", dex, PLAIN, HEAD, half=False, telling=ByWarp()).inputs([sample])
    warped = signed(WarpMethod(HEAD).frames([sample])[0])
    assert difference(inputs.poses[0], dex.pose(warped, sample.focus)) < 1e-5
    assert difference(inputs.expressions[0], dex.expression(warped, sample.places)) < 1e-5


def test_frames_of_dex_do_not_see_each_other_when_drawn_one_by_one(scenes: HeldOut, dex: DexPipeline):
    method = DexMethod("tiny", dex, PLAIN, HEAD, half=False)
    both, first = method.frames(scenes.pairs), method.frames([sample.first(1) for sample in scenes.pairs])
    assert difference(both[:, :1], first) <= 1


def test_the_sketch_is_painted_from_what_the_network_is_shown(scenes: HeldOut, dex: DexPipeline):
    drawn = SketchMethod("tiny", dex, HEAD).frames(scenes.pairs)
    told = DexMethod("tiny", dex, PLAIN, HEAD, half=False).inputs(scenes.pairs)
    network, references = dex.network, signed(torch.stack([sample.reference for sample in scenes.pairs]))
    shown: list[torch.Tensor] = []
    hook = network.sketch.register_forward_pre_hook(lambda module, given: shown.extend(given))
    with torch.no_grad():
        network.conditions(network.observe(torch.zeros(2, 12, 8, 8), references), told.sources, told.poses, told.expressions)
        hook.remove()
        decoder = network.motion.decoder
        painted = pixel_shuffle(decoder.out(silu(shown[0])), decoder.unshuffle)
    assert difference(drawn.flatten(0, 1), (painted.clamp(-1, 1) + 1) * 127.5) <= 1


def test_lia_x_is_driven_by_the_drivers_own_picture(scenes: HeldOut, lia_x: LiaX):
    method, sample = LiaXMethod("tiny", lia_x), scenes.pairs[0]
    made = method.frames([sample])[0]
    reference, driver = (picture.permute(1, 2, 0).numpy() for picture in (sample.reference, sample.faces[1]))
    (alone,) = lia_x.decode(lia_x.encode(reference), lia_x.alpha([driver]))
    assert difference(made[1], torch.from_numpy(alone).permute(2, 0, 1)) <= 1
    assert not method.apart


def test_lia_x_of_another_size_draws_pictures_of_the_scenes(scenes: HeldOut):
    torch.manual_seed(0)
    large = LiaXMethod("large", LiaX(Generator(LiaXConfig(scale=1 / 32, motion_dim=6, size=32))))
    assert large.frames(scenes.pairs).shape == (2, 2, 3, 16, 16)


def test_networks_say_how_large_they_are(tiny_pipeline: LokiPipeline, dex: DexPipeline, lia_x: LiaX):
    methods = (
        NetworkMethod("loki", tiny_pipeline, PLAIN, HEAD),
        DexMethod("dex", dex, PLAIN, HEAD),
        LiaXMethod("lia-x", lia_x),
    )
    for method in methods:
        assert isinstance(method, Learned) and method.parameters > 1000
