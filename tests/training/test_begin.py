"""A run that begins with the weights of another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from loki_core.data.samples import SyntheticConfig
from loki_core.dex.configs import dex_without, motion_without
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.network import DexNetwork
from loki_core.dex.pipeline import DexPipeline
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.diffusion.saved import weights_hash
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.head.model import HeadId
from loki_core.training.begin import begin_with, read_animator, read_beginning, read_encoders, read_unets, take_unets
from loki_core.training.config import TrainConfig
from loki_core.training.dex_runs import DexRun, MotionRun, after_known
from loki_core.training.dex_trainers import DexTrainer, MotionTrainer
from loki_core.training.run_folder import describe_run
from loki_core.training.trainer import Trainer
from tests.dex.saved import assert_encoders_equal, save_tiny_dex
from tests.dex.tiny import TINY as TINY_DEX
from tests.dex.tiny import TINY_MOTION
from tests.training.conftest import tiny_of

TINY = tiny_of("map")
RUN = TrainConfig(batch=1, precision="no", workers=0, data=SyntheticConfig(size=16, frames=2))


def motion_run() -> MotionRun:
    return MotionRun(TINY_MOTION, replace(RUN, data=SyntheticConfig(size=16, frames=5, clips=0.0, still=0.0)))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Of a run of one step."""
    trainer = Trainer(RUN, TINY, embedded_head(), tmp_path / "first")
    trainer.train(1)
    return tmp_path / "first" / "weights"


def test_it_starts_with_their_values_at_step_0(weights, tmp_path):
    begun = Trainer(RUN, TINY, embedded_head(), tmp_path / "second", lambda: begin_with(weights, TINY, embedded_head().id))
    learned = LokiPipeline.from_pretrained(weights).network.state_dict()
    assert begun.step == 0
    assert all(torch.equal(value, begun.network.state_dict()[name]) for name, value in learned.items())


def test_it_trains_what_is_trained_from_the_start(weights, tmp_path):
    begun = begin_with(weights, TINY, embedded_head().id).network
    fresh = Trainer(RUN, TINY, embedded_head(), tmp_path / "second").network
    frozen = {name for name, value in fresh.named_parameters() if not value.requires_grad}
    assert frozen == {name for name, value in begun.named_parameters() if not value.requires_grad}


def test_weights_of_another_network_or_head_are_refused(weights):
    with pytest.raises(InputError, match="other settings"):
        begin_with(weights, replace(TINY, frames=1), embedded_head().id)
    with pytest.raises(InputError, match="head"):
        begin_with(weights, TINY, HeadId("another", "0"))


def test_an_animator_that_begins_with_lokis_unets_first_draws_what_they_do_without_a_map(weights):
    learned = read_unets(weights, TINY_DEX, embedded_head().id)
    animator = DexNetwork(TINY_DEX.to_dict())
    take_unets(animator, learned)
    generator = torch.Generator().manual_seed(0)
    noisy, reference = torch.randn(2, 1, 12, 8, 8, generator=generator), torch.randn(2, 12, 8, 8, generator=generator)
    pictures = torch.rand(2, 1, 3, 16, 16, generator=generator) * 2 - 1
    times, ones = torch.tensor([[10], [700]]), torch.ones(2)
    with torch.no_grad():
        expected = learned.predict(noisy, times, torch.zeros(2, 1, 8, 8, 8), learned.remember(reference))
        shown = (pictures[:, 0], pictures[:, 0], pictures, pictures)
        drawn, taken, _ = animator(noisy, times, reference, *shown, ones, ones, lambda x, times, predict: x)
    assert torch.equal(taken, noisy)
    torch.testing.assert_close(drawn, expected, atol=1e-5, rtol=1e-4)


def test_motion_encoders_go_on_from_others_without_learning_what_is_known_again(tmp_path):
    run, head = motion_run(), embedded_head()
    torch.manual_seed(5)
    learned = MotionNetwork(TINY_MOTION.to_dict())
    begun = MotionTrainer(after_known(run), head, tmp_path, learned)
    state = begun.network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in learned.state_dict().items())
    learned.save_pretrained(tmp_path / "learned")
    assert weights_hash(tmp_path / "learned") == weights_hash(tmp_path / "learned" / "diffusion_pytorch_model.safetensors")
    before = learned.decoder.out.weight.clone()
    begun.train(1)  # the decoder learns at once
    assert not torch.equal(begun.network.state_dict()["decoder.out.weight"], before)
    other = MotionNetwork({**TINY_MOTION.to_dict(), "unshuffle": 1})
    with pytest.raises(ValueError, match="a network of 'tiny-motion' to begin with"):
        MotionTrainer(run, head, tmp_path, other)


def test_an_animator_goes_on_from_another_with_its_encoders(tmp_path):
    folder = save_tiny_dex(tmp_path / "learned", embedded_head())
    learned = read_animator(folder, TINY_DEX)
    run = DexRun(TINY_DEX, replace(RUN, data=SyntheticConfig(size=16, frames=3, still=0.0)))
    begun = DexTrainer(run, learned, embedded_head(), tmp_path / "run")
    state = begun.network.state_dict()
    assert begun.step == 0 and all(torch.equal(value, state[name]) for name, value in learned.state_dict().items())
    begun.train(1)
    trained = DexPipeline.from_pretrained(tmp_path / "run" / "weights").network
    assert_encoders_equal(trained.motion, learned.motion)
    assert not torch.equal(trained.generation.conv_in.weight, learned.generation.conv_in.weight)
    with pytest.raises(InputError, match="weights of tiny-without-rays to begin with"):
        read_animator(folder, dex_without(TINY_DEX, "rays"))


def test_encoders_are_taken_from_a_first_stage_or_from_an_animator(tmp_path):
    folder = save_tiny_dex(tmp_path / "animator", embedded_head())
    animator = read_animator(folder, TINY_DEX)
    animator.motion.save_pretrained(tmp_path / "motion")
    for place in (folder, tmp_path / "motion"):
        read = read_encoders(place, TINY_MOTION).state_dict()
        assert all(torch.equal(value, read[name]) for name, value in animator.motion.state_dict().items())
        with pytest.raises(InputError, match="expected motion weights of 'tiny-motion-without-augmentation', got 'tiny-motion'"):
            read_encoders(place, motion_without(TINY_MOTION))


def test_encoders_go_on_without_augmentation_from_those_with_it(tmp_path):
    folder = save_tiny_dex(tmp_path / "animator", embedded_head())
    bare = motion_without(TINY_MOTION)
    run = replace(after_known(motion_run()), network=bare)
    learned = read_beginning(folder, bare)
    begun = MotionTrainer(run, embedded_head(), tmp_path / "run", learned)
    assert begun.averaged().motion == bare
    state = begun.network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in read_animator(folder, TINY_DEX).motion.state_dict().items())
    with pytest.raises(InputError, match="weights of 'other' to begin with, got 'tiny-motion'"):
        read_beginning(folder, replace(bare, name="other", decoder=(8, 8)))


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match="choose a folder of weights"):
        begin_with(tmp_path, TINY, embedded_head().id)
    with pytest.raises(InputError, match="choose a folder of weights"):
        read_unets(tmp_path, TINY_DEX, embedded_head().id)


def test_unets_of_another_size_are_refused(weights):
    other = replace(TINY_DEX, unet=replace(TINY_DEX.unet, layers=2))
    with pytest.raises(InputError, match="UNets of tiny"):
        read_unets(weights, other, embedded_head().id)


def test_a_run_is_not_resumed_as_one_that_began_with_other_weights(weights, tmp_path):
    begun = weights_hash(weights)
    describe_run(tmp_path / "run", RUN, TINY, resume=False, begun=begun)
    describe_run(tmp_path / "run", RUN, TINY, resume=True, begun=begun)
    with pytest.raises(InputError, match="settings"):
        describe_run(tmp_path / "run", RUN, TINY, resume=True)
