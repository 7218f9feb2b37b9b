"""`train` refuses what it cannot do before anything is written."""

from __future__ import annotations

import json

import pytest

from app.cli import build_parser
from loki_core.data.samples import SyntheticConfig
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.training.config import TrainConfig
from loki_core.training.run_folder import describe_run
from loki_core.training.trainer import Trainer
from tests.training.conftest import tiny_of


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resume"], "found none"),
        (["--preset", "sd21"], "Stable Diffusion 2.1 as --base"),
        (["--base", "sd"], "with the preset sd21"),
        (["--begin", "nowhere"], "choose a folder of weights"),
        (["--seed", "-1"], "from 0 to"),
        (["--preset", "lia-x-small", "--seed", "1"], "leave them out"),
        (["--validate-every", "-1"], "0 or more"),
        (["--preset", "huge"], "choose one"),
        (["--preset", "lia-x-small", "--coefficients"], "leave them out"),
        (["--preset", "lia-x-small", "--resume"], "found none"),
        (["--steps", "0"], "at least 1"),
        (["--batch", "0"], "at least 1"),
        (["--steps", "5", "--cool-down", "6"], "from 0 to the 5"),
        (["--data", "nowhere"], "run prepare first"),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path, options, words):
    arguments = build_parser().parse_args(["train", "--out", str(tmp_path / "run"), *options])
    with pytest.raises(InputError, match=words):
        arguments.run(arguments)
    assert not (tmp_path / "run").exists()


def test_a_prepared_folder_without_scenes_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "manifest.json").write_text('{"size": 64, "sources": []}')
    arguments = build_parser().parse_args(["train", "--data", str(tmp_path), "--out", str(tmp_path / "run")])
    with pytest.raises(InputError, match="prepare more clips"):
        arguments.run(arguments)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("reads", ["map", "encoding", "deformation", "vector"])
def test_a_run_of_each_kind_trains_and_its_weights_know_what_they_read(tmp_path, reads):
    config = TrainConfig(batch=2, precision="no", workers=0, data=SyntheticConfig(size=16, frames=2))
    loki = tiny_of(reads)
    describe_run(tmp_path, config, loki, resume=False)
    trainer = Trainer(config, loki, embedded_head(), tmp_path)
    trainer.train(1)
    assert LokiPipeline.from_pretrained(tmp_path / "weights").network.loki == loki
    others = [tiny_of(other) for other in ("map", "encoding", "deformation", "vector") if other != reads]
    for other in others:
        with pytest.raises(InputError, match="settings"):
            describe_run(tmp_path, config, other, resume=True)


def test_a_run_from_before_the_ablations_can_be_resumed(tmp_path):
    config, loki = TrainConfig(), tiny_of("map")
    describe_run(tmp_path, config, loki, resume=False)
    told = json.loads((tmp_path / "run.json").read_text())
    del told["loki"]["encoder"]["reads"]
    (tmp_path / "run.json").write_text(json.dumps(told))
    describe_run(tmp_path, config, loki, resume=True)


@pytest.mark.parametrize(
    ("preset", "trainer"),
    [
        ("mini", "loki_core.training.trainer.Trainer"),
        ("lia-x-small", "loki_core.training.lia_x.LiaXTrainer"),
        ("dex-motion-mini", "loki_core.training.dex_trainers.MotionTrainer"),
    ],
)
def test_a_step_takes_as_many_windows_as_are_asked_for(tmp_path, monkeypatch, preset, trainer):
    class Begun(Exception):
        pass

    def begin(run, *others):
        raise Begun(getattr(run, "train", run).batch)

    monkeypatch.setattr(trainer, begin)
    arguments = build_parser().parse_args(["train", "--preset", preset, "--batch", "3", "--out", str(tmp_path)])
    with pytest.raises(Begun, match="3"):
        arguments.run(arguments)
    told = json.loads((tmp_path / "run.json").read_text())
    assert told.get("dex", told.get("lia_x", told))["train"]["batch"] == 3


def test_only_one_thing_is_left_out_at_a_time(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["train", "--out", "run", "--without", "encoding", "--coefficients"])
    assert "not allowed with" in capsys.readouterr().err
