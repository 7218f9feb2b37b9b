"""The pipeline at tiny size: what a clip depends on, cancelling, saving, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import load_file, save_file

from loki_core.diffusion.configs import EncoderConfig
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.errors import InputError
from loki_core.head.model import HeadId
from loki_core.render.base import Cancelled

HEAD = HeadId("tiny", "0123456789abcdef")
QUICK = SamplerConfig(steps=3, overlap=2)


@pytest.fixture
def pipe(tiny_network):
    return LokiPipeline.build(tiny_network, HEAD)


def portrait(seed=0):
    return torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def maps(frames):
    return torch.randn(frames, 45, 16, 16, generator=torch.Generator().manual_seed(9))


def test_a_clip_of_any_length_comes_out(pipe):
    for frames in (1, 3, 4, 5, 9):
        out = pipe(portrait(), maps(frames), QUICK)
        assert out.shape == (frames, 3, 16, 16)
        assert out.isfinite().all() and out.abs().max() <= 1


def test_the_same_seed_gives_the_same_clip_and_another_does_not(pipe):
    first, again, other = (pipe(portrait(), maps(5), replace(QUICK, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_one_window_is_the_same_frames_of_a_longer_clip_where_windows_do_not_overlap(pipe):
    config = replace(QUICK, overlap=0)
    long = pipe(portrait(), maps(8), config)
    torch.testing.assert_close(long[:4], pipe(portrait(), maps(4), config))


def test_what_comes_later_does_not_change_finished_frames(pipe):
    short, long = pipe(portrait(), maps(6), QUICK), pipe(portrait(), maps(10), QUICK)
    torch.testing.assert_close(short[:4], long[:4])


def test_a_part_of_a_clip_is_what_it_is_in_the_whole(pipe):
    remembered, given = pipe.remember(portrait()), maps(11)
    whole = pipe(portrait(), given, QUICK)
    for part in (range(0, 3), range(3, 5), range(5, 6), range(9, 11)):
        alone = torch.stack(list(pipe.sample(remembered, lambda a, b: given[a:b], 11, QUICK, part=part)))
        torch.testing.assert_close(alone, whole[part.start : part.stop], atol=1e-4, rtol=0)


def test_smaller_windows_draw_the_same_clip_with_less_at_once(pipe):
    config, asked = replace(QUICK, window=2), []
    remembered, given = pipe.remember(portrait()), maps(5)

    def of(start, stop):
        asked.append(stop - start)
        return given[start:stop]

    out = torch.stack(list(pipe.sample(remembered, of, 5, config)))
    assert out.shape == (5, 3, 16, 16) and set(asked) == {2}


def test_portrait_and_maps_matter(pipe):
    plain = pipe(portrait(), maps(4), QUICK)
    assert not torch.allclose(plain, pipe(portrait(1), maps(4), QUICK))
    assert not torch.allclose(plain, pipe(portrait(), -maps(4), QUICK))


def test_equal_weights_for_identity_and_motion_are_joint_guidance(pipe):
    joint = pipe(portrait(), maps(4), replace(QUICK, guidance=Guidance(2.0)))
    separate = pipe(portrait(), maps(4), replace(QUICK, guidance=Guidance(2.0, 2.0)))
    assert torch.equal(joint, separate)
    assert not torch.allclose(joint, pipe(portrait(), maps(4), replace(QUICK, guidance=Guidance(2.0, 1.0))))


def test_features_of_zero_are_another_unconditional_branch(pipe):
    zeros = replace(QUICK, unconditional="zero_features")
    assert not torch.equal(pipe(portrait(), maps(4), QUICK), pipe(portrait(), maps(4), zeros))
    plain = Guidance(1.0)
    same = [pipe(portrait(), maps(4), replace(c, guidance=plain)) for c in (QUICK, zeros)]
    assert torch.equal(*same)


def test_progressive_guidance_begins_without_expression(pipe):
    config = replace(QUICK, steps=5, guidance=Guidance(2.0, progressive=2))
    given, posed = maps(5), -maps(5)
    hybrid = pipe(portrait(), given, config, bare=posed)
    full = replace(config, guidance=Guidance(2.0))
    assert not torch.allclose(hybrid, pipe(portrait(), given, full))
    assert not torch.allclose(hybrid, pipe(portrait(), posed, full))
    torch.testing.assert_close(pipe(portrait(), given, config, bare=given), pipe(portrait(), given, full))


def test_progressive_guidance_without_its_maps_or_steps_is_refused(pipe):
    with pytest.raises(ValueError, match="maps without expression"):
        pipe(portrait(), maps(2), replace(QUICK, steps=5, guidance=Guidance(progressive=2)))
    with pytest.raises(ValueError, match="more than 4 steps"):
        replace(QUICK, steps=4, guidance=Guidance(progressive=2))


def test_progress_counts_every_step_and_ends_full(pipe):
    seen = []
    remembered, given = pipe.remember(portrait()), maps(6)
    list(pipe.sample(remembered, lambda a, b: given[a:b], 6, QUICK, progress=lambda *p: seen.append(p)))
    assert seen == [(n, 6) for n in range(7)]


def test_cancelling_stops_at_the_next_step_and_keeps_finished_frames(pipe):
    remembered, given, asked = pipe.remember(portrait()), maps(6), iter([False] * 4 + [True])
    stream = pipe.sample(remembered, lambda a, b: given[a:b], 6, QUICK, cancelled=lambda: next(asked))
    assert [next(stream).shape for _ in range(2)] == [(3, 16, 16)] * 2
    with pytest.raises(Cancelled):
        next(stream)
    assert next(asked, None) is None


def test_maps_are_asked_for_one_window_at_a_time(pipe):
    asked, given = [], maps(10)

    def of(start, stop):
        asked.append((start, stop))
        return given[start:stop]

    stream = pipe.sample(pipe.remember(portrait()), of, 10, QUICK)
    next(stream)
    assert asked == [(0, 4)]
    assert len(list(stream)) == 9
    assert asked == [(0, 4), (2, 6), (4, 8), (6, 10)]


def test_the_scheduler_is_left_as_found(pipe):
    before = pipe.scheduler.timesteps.clone()
    pipe(portrait(), maps(2), QUICK)
    assert torch.equal(pipe.scheduler.timesteps, before)


def test_a_portrait_of_another_size_is_refused(pipe):
    with pytest.raises(ValueError, match="16 x 16"):
        pipe.remember(torch.zeros(3, 20, 20))


def test_a_pipeline_with_a_vae_saves_and_samples(tiny_config, tmp_path):
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    config = replace(tiny_config, unet=replace(tiny_config.unet, channels=4), encoder=EncoderConfig(widths=(4, 8)))
    pipe = LokiPipeline.build(LokiNetwork(config.to_dict()), HEAD, vae.eval())
    pipe.save_pretrained(tmp_path / "w")
    again = LokiPipeline.from_pretrained(tmp_path / "w")
    torch.testing.assert_close(pipe(portrait(), maps(5), QUICK), again(portrait(), maps(5), QUICK), atol=1e-4, rtol=0)


@pytest.fixture
def saved(pipe, tmp_path):
    pipe.save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def test_saved_weights_draw_the_same_clip_and_hold_no_pickle(pipe, saved):
    again = LokiPipeline.from_pretrained(saved, head=HEAD)
    assert again.head == HEAD
    torch.testing.assert_close(pipe(portrait(), maps(5), QUICK), again(portrait(), maps(5), QUICK), atol=1e-4, rtol=0)
    assert {p.suffix for p in saved.rglob("*") if p.is_file()} == {".json", ".safetensors"}


def test_a_file_may_change_once_it_is_read(pipe, saved):
    again = LokiPipeline.from_pretrained(saved)
    (saved / "network" / "diffusion_pytorch_model.safetensors").write_bytes(b"")
    torch.testing.assert_close(pipe(portrait(), maps(1), QUICK), again(portrait(), maps(1), QUICK), atol=1e-4, rtol=0)


def test_half_precision_survives_saving(pipe, saved):
    pipe.to(torch.bfloat16).save_pretrained(saved.parent / "half")
    half = LokiPipeline.from_pretrained(saved.parent / "half", torch_dtype=torch.bfloat16)
    out, full = half(portrait(), maps(3), QUICK), LokiPipeline.from_pretrained(saved)(portrait(), maps(3), QUICK)
    assert (out - full).abs().mean() < 0.1


def test_weights_of_another_head_are_refused(saved):
    with pytest.raises(InputError, match="'tiny' \\(ffff\\), got those for 'tiny' \\(0123456789abcdef\\)"):
        LokiPipeline.from_pretrained(saved, head=HeadId("tiny", "ffff"))


def test_weights_of_another_architecture_are_refused_by_name(saved):
    path = saved / "network" / "config.json"
    config = json.loads(path.read_text())
    config["architecture"]["unet"]["widths"] = [8, 24]
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"architecture 'tiny'.*has shape \(16.* instead of \(24"):
        LokiPipeline.from_pretrained(saved)


def test_an_unknown_setting_is_refused_by_name(saved):
    path = saved / "network" / "config.json"
    config = json.loads(path.read_text())
    config["architecture"]["tempo"] = 3
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match="got tempo"):
        LokiPipeline.from_pretrained(saved)


def test_a_pickle_in_place_of_the_weights_is_refused_by_name(saved):
    weights = saved / "network" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(InputError, match="diffusion_pytorch_model.bin, a pickle"):
        LokiPipeline.from_pretrained(saved)


def test_a_pickle_under_a_false_name_is_refused(saved):
    weights = saved / "network" / "diffusion_pytorch_model.safetensors"
    torch.save({"weight": torch.zeros(2)}, weights)
    with pytest.raises(InputError, match="expected safetensors"):
        LokiPipeline.from_pretrained(saved)


def test_a_cut_file_is_refused(saved):
    weights = saved / "network" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        LokiPipeline.from_pretrained(saved)


def test_weights_that_are_not_finite_are_refused_by_name(saved):
    weights = saved / "network" / "diffusion_pytorch_model.safetensors"
    state = {name: tensor.clone() for name, tensor in load_file(weights).items()}
    state["encoder.stem.bias"][0] = float("nan")
    save_file(state, weights)
    with pytest.raises(InputError, match=r"encoder.stem.bias holds"):
        LokiPipeline.from_pretrained(saved)


def test_folders_of_something_else_are_refused(saved, tmp_path):
    with pytest.raises(InputError, match="model_index.json"):
        LokiPipeline.from_pretrained(tmp_path)
    (saved / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(InputError, match="got StableDiffusionPipeline"):
        LokiPipeline.from_pretrained(saved)
    (saved / "model_index.json").write_text("{")
    with pytest.raises(InputError, match="expected JSON"):
        LokiPipeline.from_pretrained(saved)


def test_a_missing_folder_of_the_network_is_named(saved):
    shutil.rmtree(saved / "network")
    with pytest.raises(InputError, match="config.json in network"):
        LokiPipeline.from_pretrained(saved)
