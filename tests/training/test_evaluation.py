"""The evaluation of tiny networks with random weights: what the baselines must give, and what a report says."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from app.cli import build_parser
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.diffusion.saved import weights_hash
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.training.evaluation import Figures, People, evaluate_methods
from loki_core.training.evaluation_report import Setting, report_table, report_values
from loki_core.training.held_out import HeldOut, draw_held_out
from loki_core.training.leakage import Leakage
from loki_core.training.methods import Frozen, Truth, WarpMethod
from loki_core.training.network_methods import NetworkMethod
from tests.training.conftest import pipeline_of

LEAKAGE = Leakage(0.9, 0.8, 0.1, 0.05, drivers=20, poses=4)
SETTING = Setting(2, {"mini": 2}, 1.5, None, {"mini": "abc"}, 1, "float32")
SAMPLER = SamplerConfig(steps=2, guidance=Guidance(motion=1.5))


@pytest.fixture(scope="module")
def scenes() -> HeldOut:
    return draw_held_out(embedded_head(), size=64, pairs=2, apart=1, movements=1, clips=1)


@pytest.fixture(scope="module")
def small() -> HeldOut:
    return draw_held_out(embedded_head(), size=16, pairs=2, apart=1, movements=1, clips=1)


@pytest.fixture(scope="module")
def plain(scenes: HeldOut) -> tuple[Figures, ...]:
    return evaluate_methods([Frozen(), Truth(), WarpMethod(embedded_head())], scenes, embedded_head())


def test_the_truth_is_perfect_and_says_what_measuring_loses(plain: tuple[Figures, ...]):
    truth = plain[1]
    assert truth.own.psnr == truth.borrowed.psnr == math.inf and truth.own.ssim == pytest.approx(1)
    assert truth.cosines == pytest.approx((1.0, 1.0, 1.0, 1.0)) and truth.liveliness == 1
    assert 0 < truth.held_change < 1
    assert truth.own.read.found > 0 and truth.own.read.pose_degrees is not None and truth.own.read.pose_degrees < 20


def test_what_measuring_two_drivers_loses_is_the_truths_own_column(plain: tuple[Figures, ...]):
    frozen, truth, warp = plain
    assert truth.apart is not None and truth.apart.psnr == math.inf and truth.separation is not None
    assert truth.separation.pose_degrees is not None and 0 < truth.separation.pose_degrees < 20
    assert (truth.separation.pose_people, truth.separation.hef_people) == (1, 1)
    assert truth.separation.hef is not None and truth.separation.hef > 0
    assert truth.turned is not None and truth.turned < 1e-3
    assert frozen.separation is not None and frozen.separation.pose_degrees == pytest.approx(0, abs=1e-6)
    assert frozen.separation.hef == 0
    assert frozen.apart is not None and warp.apart is not None and warp.apart.psnr > frozen.apart.psnr


def test_an_unmoving_portrait_has_no_movement(plain: tuple[Figures, ...]):
    frozen = plain[0]
    assert frozen.cosines == (0.0, 0.0, 0.0, 0.0) and frozen.liveliness == 0 == frozen.held_change
    assert frozen.own.psnr < 30 and frozen.own.ssim < 0.9


def test_the_warp_renderer_is_nearer_to_the_truth_than_an_unmoving_portrait(plain: tuple[Figures, ...]):
    frozen, _, warp = plain
    assert warp.own.psnr > frozen.own.psnr and warp.borrowed.psnr > frozen.borrowed.psnr
    assert min(warp.cosines) > 0


@pytest.mark.parametrize("reads", ["map", "encoding", "deformation", "vector"])
def test_a_network_is_asked_with_wrong_maps_and_portraits_too(reads, small: HeldOut):
    counted: list[tuple[int, int]] = []
    method = NetworkMethod(reads, pipeline_of(reads), SAMPLER, embedded_head())
    (figures,) = evaluate_methods([method], small, embedded_head(), progress=lambda *done: counted.append(done))
    assert figures.wrong_driver_psnr is not None and figures.wrong_driver_psnr != figures.own.psnr
    assert figures.wrong_reference_psnr is not None and figures.wrong_reference_psnr != figures.own.psnr
    assert figures.parameters is not None and figures.parameters > 0 and figures.seconds_a_frame > 0
    assert counted[-1][0] == counted[-1][1]


def test_a_slow_method_is_asked_about_fewer_people_and_the_table_says_so(scenes: HeldOut):
    more = replace(scenes, pairs=(*scenes.pairs, scenes.pairs[0]), apart=())
    few = WarpMethod(embedded_head(), people=2)
    counted: list[tuple[int, int]] = []
    found = evaluate_methods([Frozen(), few, Truth()], more, embedded_head(), progress=lambda *done: counted.append(done))
    assert [each.people for each in found] == [People(3, 0, 1, 1, 3, 3), People(2, 0, 1, 1, 2, 2), People(3, 0, 1, 1, 3, 3)]
    assert found[1].own.psnr == evaluate_methods([few], replace(scenes, apart=()), embedded_head())[0].own.psnr
    assert counted == sorted(counted) and counted[-1][0] == counted[-1][1]
    named = dict(zip(("frozen portrait", "warp renderer", "truth"), found, strict=True))
    lines = report_table(named, LEAKAGE, SETTING).splitlines()
    assert lines[2].rstrip(" |").endswith("3, warp renderer 2")
    assert report_values(named, SETTING, leakage=LEAKAGE)["figures"]["warp renderer"]["people"]["pairs"] == 2


def test_frames_of_a_clip_do_not_see_each_other_when_drawn_one_by_one(small: HeldOut, tiny_pipeline: LokiPipeline):
    method = NetworkMethod("tiny", tiny_pipeline, SAMPLER, embedded_head(), half=False)
    both = method.frames(small.pairs)
    first = [s.first(1) for s in small.pairs]
    assert (both[:, :1].float() - method.frames(first).float()).abs().max() <= 1


def test_a_table_has_a_column_for_each_method_and_says_how_it_was_made(plain: tuple[Figures, ...]):
    named = dict(zip(("frozen portrait", "truth", "warp renderer"), plain, strict=True))
    lines = report_table(named, LEAKAGE, SETTING).splitlines()
    table = lines[: lines.index("")]
    assert len({line.count("|") for line in table}) == 1 and len({len(line) for line in table}) == 1
    assert "frozen portrait" in table[0] and any("abc" in line for line in lines)
    values = report_values(named, SETTING, leakage=LEAKAGE)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["figures"]["truth"]["own"]["psnr"] is None and values["setting"]["data_seed"] == 2**31


@pytest.fixture
def saved(tmp_path: Path, tiny_pipeline: LokiPipeline) -> Path:
    tiny_pipeline.save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


@pytest.mark.slow
def test_the_command_writes_table_figures_and_sheet(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["evaluate", "--network", str(saved), str(saved), "--identities", "2", "--steps", "1"]
    files = {"--out": "table.md", "--json": "figures.json", "--sheet": "sheet.png"}
    arguments = build_parser().parse_args(
        [*words, *(str(tmp_path / f) if f in files.values() else f for p in files.items() for f in p)]
    )
    assert arguments.run(arguments) == 0
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == table and "tiny 2" in table
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["setting"]["weights"]["tiny"] == weights_hash(saved)
    assert Image.open(tmp_path / "sheet.png").height == 128 * 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--identities", "1"], "at least 2 identities"),
        (["--steps", "0"], "1 step"),
        (["--self", "clip.mp4"], "got both"),
        (["--out", "table.txt"], "ends in .md"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(saved: Path, options: list[str], words: str):
    arguments = build_parser().parse_args(["evaluate", "--network", str(saved), *options])
    with pytest.raises(InputError, match=words):
        arguments.run(arguments)


def test_a_folder_without_weights_is_refused(tmp_path: Path):
    arguments = build_parser().parse_args(["evaluate", "--network", str(tmp_path), "--identities", "2"])
    with pytest.raises(InputError, match="choose a folder of weights"):
        arguments.run(arguments)


def test_the_hash_is_that_of_the_file(saved: Path):
    before = weights_hash(saved)
    network = LokiPipeline.from_pretrained(saved).network
    with torch.no_grad():
        next(network.parameters()).add_(1)
    LokiPipeline.build(network, embedded_head().id).save_pretrained(saved)
    assert len(before) == 64 and weights_hash(saved) != before
