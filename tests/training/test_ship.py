"""Weights that go into the project: in half precision, small enough, with their history."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import torch
from safetensors.torch import load_file, save_file

from presets import ship


def run(folder: Path, preset: str, value: float) -> Path:
    (folder / "weights" / "network").mkdir(parents=True)
    save_file({"layer": torch.full((4,), value)}, folder / "weights" / "network" / "model.safetensors")
    (folder / "weights" / "model_index.json").write_text("{}")
    train = {"train": {"preset": preset}}
    (folder / "run.json").write_text(json.dumps({"dex": train} if preset.startswith("dex") else train))
    rows = [f"{step},{1 / step},0.1,1.0" for step in range(1, 3 * ship.SMOOTH)]
    (folder / "losses.csv").write_text("\n".join(["step,loss,rate,seconds", *rows]))
    return folder


def test_the_last_runs_weights_are_taken_in_half_precision_and_every_runs_history(tmp_path: Path):
    runs = [run(tmp_path / "1", "dex-motion-mini", 1.0), run(tmp_path / "2", "dex-motion-mini", 2.0)]
    runs.append(run(tmp_path / "3", "dex-mini", 3.0))
    place = tmp_path / "place"
    (place / "runs").mkdir(parents=True)
    (place / "runs" / "9.csv").write_text("of weights before")
    (place / "README.md").write_text("by hand")
    ship.main(place, runs)
    layer = load_file(place / "network" / "model.safetensors")["layer"]
    assert layer.dtype == torch.float16 and layer.tolist() == [3.0] * 4
    assert sorted(path.name for path in (place / "runs").iterdir()) == [
        f"{n}.{kind}" for n in (1, 2, 3) for kind in ("csv", "json")
    ]
    assert (place / "README.md").read_text() == "by hand" and (place / "model_index.json").is_file()
    curves = cv2.imread(str(place / "losses.webp"))
    assert curves is not None and curves.shape[:2] == (300, 1200)  # two presets side by side


@pytest.mark.parametrize(("value", "most", "words"), [(1e6, ship.MOST, "half precision"), (1.0, 7, "make the network smaller")])
def test_weights_that_cannot_ship_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float, most: int, words: str
):
    monkeypatch.setattr(ship, "MOST", most)
    with pytest.raises(SystemExit, match=words):
        ship.main(tmp_path / "place", [run(tmp_path / "run", "mini", value)])
    assert not (tmp_path / "place").exists()
