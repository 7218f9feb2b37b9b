"""LIA-X learns from synthetic people, at tiny size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from loki_core.data.samples import Batch, SyntheticConfig, SyntheticWindows, collate
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.lia_x.checkpoint import load_generator
from loki_core.lia_x.generator import LiaXConfig
from loki_core.training.config import OptimizerConfig, TrainConfig
from loki_core.training.lia_x import LiaXLossConfig, LiaXPreset, LiaXTrainer, lia_x_preset, reenactment_losses
from loki_core.training.run_folder import describe_lia_x_run

DATA = SyntheticConfig(size=16, frames=1)
TINY = LiaXPreset(
    LiaXConfig(scale=1 / 32, motion_dim=6, size=16),
    TrainConfig(
        batch=2,
        precision="no",
        workers=0,
        data=DATA,
        optimizer=OptimizerConfig(rate=3e-3, warm_up=1, weight_decay=0.0),
        save_every=1000,
    ),
)


def trainer(folder: Path, preset: LiaXPreset = TINY) -> LiaXTrainer:
    return LiaXTrainer(preset, embedded_head(), folder)


@pytest.fixture(scope="module")
def batch() -> Batch:
    data = TINY.train.data
    assert isinstance(data, SyntheticConfig)
    windows = SyntheticWindows(embedded_head(), data)
    return collate([windows[index] for index in range(4)])


def test_training_lowers_the_reconstruction_loss(tmp_path, batch):
    made = trainer(tmp_path)
    before = reenactment_losses(made.network, batch).reconstruction.item()
    made.train(20)
    assert reenactment_losses(made.network, batch).reconstruction.item() < 0.8 * before


def test_the_sparsity_loss_makes_coefficients_small(tmp_path, batch):
    sizes = []
    for weight in (0.0, 5.0):
        made = trainer(tmp_path / str(weight), replace(TINY, loss=LiaXLossConfig(sparsity=weight)))
        made.train(12)
        sizes.append(reenactment_losses(made.network, batch).sparsity.item())
    assert sizes[1] < 0.75 * sizes[0]


def test_a_resumed_run_ends_with_the_same_weights(tmp_path):
    whole, halves = trainer(tmp_path / "whole"), trainer(tmp_path / "halves")
    whole.train(4)
    halves.train(2)
    again = trainer(tmp_path / "halves")
    again.resume()
    again.train(4)
    expected, got = whole.network.state_dict(), again.network.state_dict()
    assert all(torch.equal(expected[name], got[name]) for name in expected)


def test_the_saved_weights_are_a_checkpoint_of_the_moving_average(tmp_path):
    made = trainer(tmp_path)
    made.train(2)
    read = load_generator(tmp_path / "weights" / "lia-x.safetensors")
    assert read.config == TINY.network
    averaged = made.averaged().state_dict()
    assert all(torch.equal(value, averaged[name]) for name, value in read.state_dict().items())


def test_a_perfect_picture_costs_only_its_coefficients(batch):
    def perfect(source: torch.Tensor, driving: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return driving, torch.full((len(driving), 6), -0.5)

    class Perfect(torch.nn.Module):
        forward = staticmethod(perfect)

    losses = reenactment_losses(Perfect(), batch)
    assert losses.total(LiaXLossConfig(detail=1.0, sparsity=0.1)).item() == pytest.approx(0.05)


def test_a_run_is_described_and_compared_when_it_goes_on(tmp_path):
    describe_lia_x_run(tmp_path / "run", TINY, resume=False)
    describe_lia_x_run(tmp_path / "run", TINY, resume=True)
    with pytest.raises(InputError, match="got others"):
        describe_lia_x_run(tmp_path / "run", replace(TINY, loss=LiaXLossConfig(sparsity=1.0)), resume=True)


def test_an_unknown_preset_is_refused_by_name():
    assert lia_x_preset("lia-x-small").network.size == 64
    with pytest.raises(InputError, match="lia-x-small"):
        lia_x_preset("lia-x-huge")
