"""DeX-Portrait's weights that come with the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from loki_core.dex.configs import dex_preset
from loki_core.dex.mapping import MAPPING_FOLDER, read_mapping
from loki_core.dex.pipeline import DexPipeline
from loki_core.dex.saved import saved_fingerprint
from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import SamplerConfig
from loki_core.head.embedded import embedded_head
from loki_core.render.dex.weights import find_dex, lacking_dex
from loki_core.training.dex_telling import ByCoefficients, ByPictures
from loki_core.training.held_out import draw_held_out
from loki_core.training.network_methods import DexMethod
from loki_core.training.scores import head_psnr

_MOST = 24 * 2**20
"""Bytes: every clone carries them."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path))
    found = find_dex()
    assert found is not None and lacking_dex({"told": "coefficients"}) is None
    return found


def test_they_are_small_and_in_half_precision(folder):
    weights = list(folder.rglob("*.safetensors"))
    assert sum(path.stat().st_size for path in weights) <= _MOST
    for path in weights:
        with safe_open(path, framework="pt") as file:
            assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F16"}  # noqa: SIM118  # no mapping


def test_they_are_of_the_preset_and_say_how_they_were_made(folder):
    assert DexPipeline.from_pretrained(folder).network.dex == dex_preset("mini")
    runs = [json.loads(path.read_text()) for path in sorted((folder / "runs").glob("*.json"), key=lambda path: int(path.stem))]
    presets = [run["dex"]["train"]["preset"] for run in runs]
    assert set(presets) == {"dex-motion-mini", "dex-mini"} and presets == sorted(presets, reverse=True)
    assert all(len(run["commit"]) >= 40 for run in runs) and runs[0]["begun"] is None
    assert all(run["begun"] for run in runs[1:])  # each goes on from others
    assert runs[presets.index("dex-mini")]["motion"]
    assert len(list((folder / "runs").glob("*.csv"))) == len(runs) and (folder / "README.md").is_file()


@pytest.mark.parametrize("told", ["pictures", "coefficients"])
def test_they_draw_people_whom_they_have_not_met_as_they_move(folder, told):
    pipeline, head = DexPipeline.from_pretrained(folder), embedded_head()
    latent = pipeline.network.dex.motion.expression.latent
    mapping = read_mapping(folder / MAPPING_FOLDER, head, saved_fingerprint(folder), latent)
    scenes = draw_held_out(head, size=64, pairs=6, apart=0, movements=0, clips=0)
    telling = ByPictures() if told == "pictures" else ByCoefficients(mapping)
    method = DexMethod("dex", pipeline, SamplerConfig(steps=4, guidance=Guidance(1.0)), head, telling=telling)
    truth, masks = (torch.stack([getattr(s, name) for s in scenes.pairs]) for name in ("targets", "masks"))
    still = torch.stack([s.reference.expand_as(s.targets) for s in scenes.pairs])
    made = method.frames(scenes.pairs)
    drawn, frozen = (head_psnr(p.flatten(0, 1), truth.flatten(0, 1), masks.flatten(0, 1)) for p in (made, still))
    assert drawn > frozen + 3
