"""The comparison of renderers: its tables, what it leaves out, and what it refuses."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from app.cli import build_parser
from app.commands.evaluate_methods import named_networks, suite_networks
from loki_core.dex.mapping import MAPPING_FOLDER, save_mapping
from loki_core.dex.network import DexNetwork
from loki_core.dex.pipeline import DexPipeline
from loki_core.dex.saved import saved_fingerprint
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.diffusion.saved import weights_hash
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.lia_x.generator import Generator, LiaXConfig
from loki_core.render.dex.options import DEX_SETTINGS
from loki_core.render.diffused.options import DIFFUSED_SETTINGS
from loki_core.training.evaluation import Figures, Likeness, People
from loki_core.training.evaluation_pose import PoseAccuracy, PoseErrors
from loki_core.training.evaluation_report import Setting, report_values
from loki_core.training.evaluation_suite import suite_table
from loki_core.training.network_methods import DexMethod, NetworkMethod
from loki_core.training.read_back import ReadBack, Separation
from tests.dex.saved import tiny_mapping
from tests.dex.tiny import TINY as TINY_DEX

SETTING = Setting(4, {"dex-mini": 5}, 1.5, None, {"dex-mini": "abc"}, 1, "float32")
POSES = {"dex-mini": PoseAccuracy(PoseErrors(3.25, 1.5, 2.5), PoseErrors(14.0, 6.0, 9.0), 8)}


def figures(*, apart: bool) -> Figures:
    likeness = Likeness(20.25, 0.75, 0.5, ReadBack(2.5, 0.0125, 0.75))
    return Figures(
        own=likeness,
        borrowed=Likeness(math.inf, 1.0, 1.0, ReadBack(None, None, 0.0)),
        apart=likeness if apart else None,
        separation=Separation(1.25, 3, (0.005, 0.01, None, None)) if apart else None,
        turned=0.75 if apart else None,
        cosines=(0.1, 0.2, 0.3, 0.4),
        ways=4,
        held_change=0.1,
        liveliness=0.9,
        seconds_a_frame=0.5,
        people=People(4, 4 if apart else 0, 4, 4, 4, 4),
        parameters=1234567,
    )


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_each_renderer_has_a_row_for_each_kind_of_motion():
    absent = ("LIA-X (name a file of weights with --lia-x)",)
    truth = replace(figures(apart=True), separation=Separation(2.0, 4, (0.004, 0.002, 0.5, 0.5)))
    made = {"dex-mini": figures(apart=True), "lia-x": figures(apart=False), "truth": truth}
    lines = suite_table(made, SETTING, poses=POSES, absent=absent).splitlines()
    first = lines[: lines.index("")]
    assert len({len(line) for line in first}) == 1 and len(first) == 2 + 3 * 3
    own = ["dex-mini", "same identity", "20.25", "0.750", "2.50", "0.0125", "0.750", "0.500", "4", "1,234,567", "0.500"]
    assert cells(first[2]) == own and cells(first[4]) == [own[0], "disentangled", *own[2:]]
    assert cells(first[3])[2:6] == ["inf", "1.000", "–", "–"]  # the tracker found no face
    assert cells(first[7])[1:8] == ["disentangled", *["–"] * 6]
    second = lines[len(first) + 1 :]
    read = ["0.75", "4", "1.25", "3", "0.0075 ± 0.0025", "0.0030", "2"]  # the truth's of the two who were found
    assert cells(second[2]) == ["dex-mini", *read, "0.100", "0.200", "0.300", "0.400", "4"]
    assert cells(second[3])[1:8] == ["–"] * 7
    assert lines[-1] == "Left out: LIA-X (name a file of weights with --lia-x)."


def test_learned_poses_stand_beside_one_pose_for_all():
    text = suite_table({"dex-mini": figures(apart=True)}, SETTING, poses=POSES, absent=())
    rows = [cells(line) for line in text.splitlines() if "|" in line]
    assert ["dex-mini", "3.25", "1.50", "2.50", "8"] in rows and ["one pose for all", "14.00", "6.00", "9.00", "8"] in rows
    without = suite_table({"loki mini": figures(apart=True)}, SETTING, poses={}, absent=())
    assert "one pose for all" not in without
    values = report_values({"dex-mini": figures(apart=True)}, SETTING, poses=POSES)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["poses"]["dex-mini"]["learned"]["rotation_degrees"] == 3.25 and "leakage" not in values


@pytest.fixture
def weights(tmp_path: Path, tiny_pipeline: LokiPipeline) -> Path:
    """Tiny networks of all three kinds, for pictures of 16 pixels."""
    torch.manual_seed(0)
    tiny_pipeline.save_pretrained(tmp_path / "loki")
    DexPipeline.build(DexNetwork(replace(TINY_DEX, frames=16).to_dict())).save_pretrained(tmp_path / "dex")
    DexPipeline.build(DexNetwork(TINY_DEX.to_dict())).save_pretrained(tmp_path / "short")
    state = Generator(LiaXConfig(scale=1 / 32, motion_dim=6, size=16)).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "lia-x.safetensors")
    return tmp_path


def run(*words: str) -> int:
    arguments = build_parser().parse_args(["evaluate", *words])
    return int(arguments.run(arguments))


@pytest.mark.slow
def test_the_command_compares_all_kinds_of_renderers(weights: Path, capsys: pytest.CaptureFixture[str]):
    given = ["--loki", str(weights / "loki"), "--dex", str(weights / "dex"), "--lia-x", str(weights / "lia-x.safetensors")]
    files = ["--out", str(weights / "table.md"), "--json", str(weights / "f.json"), "--sheet", str(weights / "s.png")]
    assert run("--suite", *given, "--identities", "2", "--steps", "1", *files) == 0
    table = capsys.readouterr().out
    assert (weights / "table.md").read_text(encoding="utf-8") == table and "Left out" not in table
    found = json.loads((weights / "f.json").read_text())
    assert list(found["figures"]) == [
        "frozen portrait",
        "warp renderer",
        "loki tiny",
        "tiny",
        "tiny, sketch",
        "lia-x 16 px",
        "truth",
    ]
    assert found["setting"]["weights"]["lia-x 16 px"] == weights_hash(weights / "lia-x.safetensors")
    assert list(found["poses"]) == ["tiny"] and found["poses"]["tiny"]["pictures"] == 4
    assert found["figures"]["lia-x 16 px"]["apart"] is None and found["figures"]["tiny"]["apart"]["psnr"] > 0
    rows = (4 + 5) + (4 + 4)  # reference, two drivers, truth; then all but the unmoving portrait, and again without LIA-X
    assert Image.open(weights / "s.png").height == 128 * rows


def test_progressive_guidance_stands_beside_none(weights: Path):
    folders = [str(weights / "loki"), str(weights / "dex")]
    arguments = build_parser().parse_args(["evaluate", "--network", *folders, "--steps", "12", "--progressive", "5"])
    compared = named_networks(arguments)
    names = ["tiny", "tiny, progressive 5", "tiny 2", "tiny 2, progressive 5", "tiny 2, sketch"]
    assert [method.name for method in compared.methods] == names == list(compared.weights)
    sampled = [method.sampler for method in compared.methods if isinstance(method, NetworkMethod | DexMethod)]
    assert {each.steps for each in sampled} == {12}
    spans = [method.sampler.guidance.progressive for method in compared.methods if isinstance(method, NetworkMethod | DexMethod)]
    assert spans == [0, 5, 0, 5] and compared.side == 16


def test_each_network_takes_as_many_steps_as_its_renderer(weights: Path):
    words = ["evaluate", "--network", str(weights / "loki"), str(weights / "dex")]
    methods = named_networks(build_parser().parse_args(words)).methods
    usual = [int(each.default) for settings in (DIFFUSED_SETTINGS, DEX_SETTINGS) for each in settings if each.name == "steps"]
    many, few = usual
    half = (few + 1) // 2
    assert half < many / 2
    assert [each.sampler.steps for each in methods if isinstance(each, NetworkMethod | DexMethod)] == usual
    with pytest.raises(InputError, match=f"below half of the {few} steps of 'tiny 2', got {half}"):
        named_networks(build_parser().parse_args([*words, "--progressive", str(half)]))


def test_a_dex_network_stands_a_second_time_as_the_renderer_is_told(weights: Path):
    folders = [str(weights / "loki"), str(weights / "dex")]
    words = ["evaluate", "--network", *folders, "--told", "coefficients", "warp"]
    save_mapping(tiny_mapping(embedded_head(), saved_fingerprint(weights / "dex")), weights / "dex" / MAPPING_FOLDER)
    compared = named_networks(build_parser().parse_args(words))
    names = ["tiny", "tiny 2", "tiny 2, by coefficients", "tiny 2, by the warp", "tiny 2, sketch"]
    assert [method.name for method in compared.methods] == names == list(compared.weights)
    shutil.rmtree(weights / "dex" / MAPPING_FOLDER)
    with pytest.raises(InputError, match="mapping.json"):
        named_networks(build_parser().parse_args(words))


def test_what_does_not_come_with_the_project_is_left_out_and_named(tmp_path: Path):
    compared = suite_networks(build_parser().parse_args(["evaluate", "--suite"]), tmp_path)
    assert compared.methods == () and compared.side == 64
    assert [each.split()[0] for each in compared.absent] == ["Loki", "DeX-Portrait", "LIA-X"]


def test_weights_that_come_with_the_project_are_found(weights: Path):
    (weights / "presets" / "loki").mkdir(parents=True)
    (weights / "loki").rename(weights / "presets" / "loki" / "mini")
    compared = suite_networks(build_parser().parse_args(["evaluate", "--suite"]), weights)
    assert [method.name for method in compared.methods] == ["loki tiny"] and compared.side == 16
    assert len(compared.absent) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--suite", "--network", "there"], "--suite or --network, got both"),
        (["--suite", "--self", "clip.mp4"], "got both"),
        (["--network", "there", "--dex", "here"], "expected --suite with"),
        (["--suite", "--progressive", "10"], "below half of the 10 steps of 'loki mini'"),
        (["--suite", "--progressive", "0"], "1 or more"),
        (["--suite", "--out", "table.txt"], "ends in .md"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], words: str):
    with pytest.raises(InputError, match=words):
        run(*options)


@pytest.mark.parametrize(
    ("option", "place", "words"),
    [
        ("--loki", "none", "choose a folder of weights"),
        ("--dex", "none", "choose a folder of weights"),
        ("--dex", "loki", "expected a DexPipeline"),
        ("--loki", "dex", "expected a LokiPipeline"),
        ("--lia-x", "none", "expected a file"),
        ("--dex", "short", "draws 16 frames at once"),
    ],
)
def test_weights_of_another_kind_are_refused(option: str, place: str, words: str, weights: Path):
    with pytest.raises(InputError, match=words):
        run("--suite", option, str(weights / place))
