"""The trainer on tiny networks: what changes, what a resumed run repeats, when it stops."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from loki_core.data.samples import SyntheticConfig, SyntheticWindows, collate
from loki_core.diffusion.configs import EncoderConfig, LokiConfig, ReferenceConfig, UNetConfig, preset
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.training.config import LossConfig, OptimizerConfig, TrainConfig
from loki_core.training.run_folder import describe_run
from loki_core.training.run_log import RunLog
from loki_core.training.step import draw_chances, loss_weights
from loki_core.training.trainer import Diverged, Trainer

TINY = replace(
    preset("mini"),
    name="tiny",
    image_size=16,
    frames=4,
    unet=UNetConfig(channels=12, widths=(8, 16), attention=("spatial", "full"), layers=1, head_dim=8, groups=4),
    encoder=EncoderConfig(widths=(8,), unshuffle=2),
    reference=ReferenceConfig(frozen=False, whole=False),
)
DATA = SyntheticConfig(size=16, frames=2)
CONFIG = TrainConfig(
    batch=2,
    precision="no",
    workers=0,
    data=DATA,
    optimizer=OptimizerConfig(rate=1e-3, warm_up=1),
    save_every=2,
)


def trainer(folder: Path, config: TrainConfig = CONFIG, loki: LokiConfig = TINY) -> Trainer:
    return Trainer(config, loki, embedded_head(), folder)


def weights(made: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in made.network.state_dict().items()}


def _note(losses: list[float], step: int, loss: float, rate: float) -> None:
    losses.append(loss)


def test_a_step_changes_what_trains_and_nothing_else(tmp_path):
    made = trainer(tmp_path, replace(CONFIG, loss=LossConfig(drop=0.0)))
    before = weights(made)
    made.train(2)  # the encoder's zero convolution opens with the first
    frozen = {name for name, parameter in made.network.named_parameters() if not parameter.requires_grad}
    unchanged = {name for name, value in weights(made).items() if torch.equal(value, before[name])}
    assert frozen <= unchanged
    still = {name for name in unchanged - frozen if "attn1.to_k.bias" not in name}
    assert not still


def test_a_frozen_reference_stays_as_it_is(tmp_path):
    made = trainer(tmp_path, loki=replace(TINY, reference=ReferenceConfig(frozen=True, whole=False)))
    before = weights(made)
    made.train(2)
    after = weights(made)
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith("reference."))
    assert any(not torch.equal(after[name], before[name]) for name in before if name.startswith("generation."))


def test_a_resumed_run_ends_with_the_same_weights(tmp_path):
    whole, halves = trainer(tmp_path / "whole"), trainer(tmp_path / "halves")
    losses: dict[str, list[float]] = {"whole": [], "halves": []}
    whole.train(4, report=lambda _, loss, rate: losses["whole"].append(loss))
    halves.train(2, report=lambda _, loss, rate: losses["halves"].append(loss))
    again = trainer(tmp_path / "halves")
    again.resume()
    assert again.step == 2
    again.train(4, report=lambda _, loss, rate: losses["halves"].append(loss))
    assert losses["whole"] == losses["halves"]
    expected, got = weights(whole), weights(again)
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    averages = [LokiPipeline.from_pretrained(tmp_path / name / "weights").network for name in ("whole", "halves")]
    pairs = zip(averages[0].parameters(), averages[1].parameters(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)


def test_the_rate_rises_at_the_start_and_falls_to_nothing_at_the_end(tmp_path):
    config = replace(CONFIG, optimizer=replace(CONFIG.optimizer, warm_up=2))
    rates: list[float] = []
    trainer(tmp_path, config).train(5, cool_down=2, report=lambda _, loss, rate: rates.append(rate * 1e3))
    assert rates == pytest.approx([0.5, 1.0, 1.0, 1.0, 0.5])


def test_windows_from_another_process_are_the_same(tmp_path):
    losses: dict[int, list[float]] = {0: [], 1: []}
    for workers, into in losses.items():
        made = trainer(tmp_path, replace(CONFIG, workers=workers))
        made.train(2, report=partial(_note, into))
    assert losses[0] == losses[1]


def test_gradients_of_several_batches_make_one_step(tmp_path):
    made = trainer(tmp_path, replace(CONFIG, accumulate=2))
    reported: list[int] = []
    made.train(2, report=lambda step, *_: reported.append(step))
    assert reported == [1, 2]


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_state(tmp_path):
    made = trainer(tmp_path)
    made.train(2)
    kept = (tmp_path / "state" / "model.safetensors").read_bytes()
    with torch.no_grad():
        made.network.generation.conv_out.weight.fill_(float("nan"))
    with pytest.raises(Diverged, match="step 3"):
        made.train(4)
    assert (tmp_path / "state" / "model.safetensors").read_bytes() == kept
    again = trainer(tmp_path)
    again.resume()
    again.train(3)


def test_the_saved_weights_are_the_moving_average_of_this_head(tmp_path):
    made = trainer(tmp_path)
    made.train(2)
    read = LokiPipeline.from_pretrained(tmp_path / "weights", head=embedded_head().id)
    averaged = made.averaged().network.state_dict()
    assert all(torch.equal(value, averaged[name]) for name, value in read.network.state_dict().items())
    assert any(not torch.equal(value, averaged[name]) for name, value in made.network.state_dict().items())


def test_resuming_without_a_state_says_so(tmp_path):
    with pytest.raises(InputError, match="found none"):
        trainer(tmp_path).resume()


def test_windows_of_another_size_are_refused(tmp_path):
    with pytest.raises(ValueError, match="16 pixels"):
        trainer(tmp_path, replace(CONFIG, data=SyntheticConfig(size=32, frames=2)))


def test_map_and_reference_are_left_out_as_often_as_asked():
    dropped = [draw_chances(TINY, 8, 2, LossConfig(), seed=1, step=step).dropped for step in range(400)]
    assert abs(float(torch.stack(dropped).float().mean()) - 0.1) < 0.02


def test_draws_depend_on_seed_and_step_and_frames_share_their_noise():
    first, again, other = (draw_chances(TINY, 2, 3, LossConfig(), seed=1, step=step) for step in (4, 4, 5))
    assert torch.equal(first.noise, again.noise) and not torch.equal(first.noise, other.noise)
    assert torch.equal(first.noise[:, 0], first.noise[:, 2])  # mini shares all of it
    assert torch.equal(first.timesteps[:, 0], first.timesteps[:, 1])


def test_each_frame_may_have_a_level_of_its_own():
    draws = draw_chances(TINY, 64, 3, LossConfig(levels="each"), seed=1, step=4)
    assert not torch.equal(draws.timesteps[:, 0], draws.timesteps[:, 1])
    assert abs(float(draws.timesteps.float().mean()) / TINY.schedule.levels - 0.5) < 0.1


def test_as_many_windows_as_asked_are_at_the_last_level():
    plain, some = (draw_chances(TINY, 512, 3, LossConfig(pure=share), seed=1, step=4) for share in (0.0, 0.25))
    pure = (some.timesteps == TINY.schedule.levels - 1).all(1)
    assert abs(float(pure.float().mean()) - 0.25) < 0.06
    assert torch.equal(plain.timesteps[~pure], some.timesteps[~pure]) and torch.equal(plain.noise, some.noise)


def test_a_run_from_before_a_setting_existed_can_be_resumed(tmp_path):
    describe_run(tmp_path, CONFIG, TINY, resume=False)
    written = json.loads((tmp_path / "run.json").read_text())
    del written["train"]["checkpointing"], written["train"]["loss"]["levels"]
    (tmp_path / "run.json").write_text(json.dumps(written))
    describe_run(tmp_path, CONFIG, TINY, resume=True)
    with pytest.raises(InputError, match="settings"):
        describe_run(tmp_path, replace(CONFIG, checkpointing=True), TINY, resume=True)


def test_the_weight_of_eyes_and_mouth_fades():
    batch = collate([SyntheticWindows(embedded_head(), DATA)[0]])
    loss = LossConfig(focus=3, focus_steps=10)
    early, late = (loss_weights(batch, TINY, loss, step) for step in (0, 10))
    assert float(early.mean()) == pytest.approx(1) and float(early.max()) > 1.5
    assert torch.equal(late, torch.ones_like(late))


def test_a_run_writes_what_it_was_started_with(tmp_path):
    describe_run(tmp_path, CONFIG, TINY, resume=False)
    describe_run(tmp_path, CONFIG, TINY, resume=True)
    with pytest.raises(InputError, match="--resume"):
        describe_run(tmp_path, CONFIG, TINY, resume=False)
    with pytest.raises(InputError, match="settings"):
        describe_run(tmp_path, replace(CONFIG, seed=5), TINY, resume=True)
    with pytest.raises(InputError, match="found none"):
        describe_run(tmp_path / "elsewhere", CONFIG, TINY, resume=True)


def test_a_run_is_resumed_by_as_many_processes_as_began_it(tmp_path):
    describe_run(tmp_path, CONFIG, TINY, resume=False)
    described = tmp_path / "run.json"
    told = json.loads(described.read_text())
    assert told["processes"] == 1
    described.write_text(json.dumps({**told, "processes": 2}))
    with pytest.raises(InputError, match="expected 2 processes.*got 1; start as many"):
        describe_run(tmp_path, CONFIG, TINY, resume=True)


def test_losses_are_averaged_into_a_table(tmp_path):
    with RunLog(tmp_path, 2) as log:
        for step, loss in ((1, 1.0), (2, 3.0), (3, 5.0), (4, 7.0)):
            log.step(step, loss, 4e-4)
    lines = (tmp_path / "losses.csv").read_text().splitlines()
    assert lines[0] == "step,loss,rate,seconds"
    assert [line.split(",")[1:3] for line in lines[1:]] == [["2.000000", "0.0004"], ["6.000000", "0.0004"]]
