"""The weights that come with the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from loki_core.diffusion.configs import preset
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.head.embedded import embedded_head
from loki_core.render.loki.weights import find_loki, lacking_loki
from loki_core.training.held_out import draw_held_out
from loki_core.training.network_methods import NetworkMethod
from loki_core.training.scores import head_psnr

_MOST = 24 * 2**20
"""Bytes: every clone carries them."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path))
    found = find_loki("mini")
    assert found is not None and lacking_loki({"preset": "mini"}) is None
    return found


def test_they_are_small_and_in_half_precision(folder):
    (weights,) = folder.rglob("*.safetensors")
    assert weights.stat().st_size <= _MOST
    with safe_open(weights, framework="pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F16"}  # noqa: SIM118  # no mapping


def test_they_are_of_the_preset_and_say_how_they_were_made(folder):
    assert LokiPipeline.from_pretrained(folder, head=embedded_head().id).network.loki == preset("mini")
    runs = [json.loads(path.read_text()) for path in sorted((folder / "runs").glob("*.json"))]
    assert all(len(run["commit"]) >= 40 for run in runs) and len({run["seed"] for run in runs}) == len(runs)
    assert [run.get("begun") is None for run in runs] == [True] + [False] * (len(runs) - 1)  # each goes on from the one before
    losses = sorted((folder / "runs").glob("*.csv"))
    assert len(losses) == len(runs) and all(path.read_text().startswith("step,loss,rate,seconds") for path in losses)
    assert (folder / "README.md").is_file()


def test_they_draw_people_whom_they_have_not_met_as_they_move(folder):
    scenes = draw_held_out(embedded_head(), size=64, pairs=6, apart=0, movements=0, clips=0)
    sampler = SamplerConfig(steps=4, guidance=Guidance(1.0))
    made = NetworkMethod("mini", LokiPipeline.from_pretrained(folder), sampler, embedded_head()).frames(scenes.pairs)
    truth, masks = (torch.stack([getattr(s, name) for s in scenes.pairs]) for name in ("targets", "masks"))
    still = torch.stack([s.reference.expand_as(s.targets) for s in scenes.pairs])
    drawn, frozen = (head_psnr(p.flatten(0, 1), truth.flatten(0, 1), masks.flatten(0, 1)) for p in (made, still))
    assert drawn > frozen + 3
