"""Puts trained weights where they come with the project: python presets/ship.py presets/loki/mini runs/first runs/second.

The runs are those that led to the weights, in order; the last one's weights are taken, in half precision. Of each run the
settings and the losses go along, as runs/1.json and runs/1.csv and so on. losses.webp shows the curves, runs of one preset end
to end. The model card, README.md, is written by hand and stays.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import torch
from safetensors.torch import load_file, save_file

MOST = 24 * 2**20
"""Bytes of all weights of a preset: every clone carries them."""
SMOOTH = 25
"""Lines of losses.csv that a point of the curve is the mean of."""


def main(place: Path, runs: Sequence[Path]) -> None:
    weights = runs[-1] / "weights"
    halved = {path: _halved(path) for path in sorted(weights.rglob("*.safetensors"))}
    size = sum(tensor.nbytes for tensors in halved.values() for tensor in tensors.values())
    if size > MOST:
        raise SystemExit(f"expected weights of at most {MOST} bytes, got {size}; make the network smaller")
    for source in sorted(path for path in weights.rglob("*") if path.is_file()):
        target = place / source.relative_to(weights)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source in halved:
            save_file(halved[source], target, metadata={"format": "pt"})
        else:
            shutil.copyfile(source, target)
    told = place / "runs"
    shutil.rmtree(told, ignore_errors=True)
    told.mkdir()
    for number, run in enumerate(runs, 1):
        shutil.copyfile(run / "run.json", told / f"{number}.json")
        shutil.copyfile(run / "losses.csv", told / f"{number}.csv")
    _draw(told, len(runs), place / "losses.webp")
    print(f"{place}: {size / 2**20:.1f} MiB of weights")  # noqa: T201


def _halved(source: Path) -> dict[str, torch.Tensor]:
    tensors = {name: t.half() if t.dtype == torch.float32 else t for name, t in load_file(source).items()}
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise SystemExit(f"expected weights that half precision can hold, got larger ones in {source}")
    return tensors


def _draw(told: Path, count: int, picture: Path) -> None:
    """One line for each run, each where the one before ended. Another preset has another loss, and a panel of its own."""
    kinds = [(name, list(group)) for name, group in groupby(range(1, count + 1), lambda number: _preset(told / f"{number}.json"))]
    matplotlib.use("agg")
    figure, panels = plt.subplots(ncols=len(kinds), figsize=(6 * len(kinds), 3), layout="constrained", squeeze=False)
    for axes, (name, numbers) in zip(panels[0], kinds, strict=True):
        begun = 0
        for number in numbers:
            steps, losses = _curve(told / f"{number}.csv")
            means = [sum(losses[start : start + SMOOTH]) / SMOOTH for start in range(0, len(losses) - SMOOTH + 1, SMOOTH)]
            axes.plot([begun + step for step in steps[SMOOTH - 1 :: SMOOTH]], means, marker=".", label=f"run {number}")
            begun += steps[-1]
        axes.set(xlabel="step", ylabel="loss", yscale="log", title=name)
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
    figure.savefig(picture, dpi=100)
    plt.close(figure)


def _preset(run: Path) -> str:
    settings = json.loads(run.read_text(encoding="utf-8"))
    return str(settings.get("dex", settings)["train"]["preset"])


def _curve(losses: Path) -> tuple[list[int], list[float]]:
    with losses.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [int(row["step"]) for row in rows], [float(row["loss"]) for row in rows]


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(run) for run in sys.argv[2:]])
