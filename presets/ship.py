"""Puts trained weights where they come with the project: python presets/ship.py presets/loki/mini runs/first runs/second.

The runs are those that led to the weights, each begun with the one before; the last one's weights are taken, in half precision.
Of each run the settings and the losses go along, as runs/1.json and runs/1.csv and so on, and losses.webp shows the curve over
all of them. The model card, README.md, is written by hand and stays.
"""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Sequence
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
    for source in sorted(weights.rglob("*")):
        target = place / source.relative_to(weights)
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(source, target)
    told = place / "runs"
    shutil.rmtree(told, ignore_errors=True)
    told.mkdir()
    for number, run in enumerate(runs, 1):
        shutil.copyfile(run / "run.json", told / f"{number}.json")
        shutil.copyfile(run / "losses.csv", told / f"{number}.csv")
    _draw([told / f"{number}.csv" for number in range(1, len(runs) + 1)], place / "losses.webp")
    size = sum(path.stat().st_size for path in place.rglob("*.safetensors"))
    if size > MOST:
        raise SystemExit(f"expected weights of at most {MOST} bytes, got {size}; make the network smaller")
    print(f"{place}: {size / 2**20:.1f} MiB of weights")  # noqa: T201


def _copy(source: Path, target: Path) -> None:
    if source.suffix != ".safetensors":
        shutil.copyfile(source, target)
        return
    tensors = {name: t.half() if t.dtype == torch.float32 else t for name, t in load_file(source).items()}
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise SystemExit(f"expected weights that half precision can hold, got larger ones in {source}")
    save_file(tensors, target, metadata={"format": "pt"})


def _draw(losses: Sequence[Path], picture: Path) -> None:
    """One line for each run, each where the one before ended."""
    matplotlib.use("agg")
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    begun = 0
    for number, path in enumerate(losses, 1):
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        groups = [rows[start : start + SMOOTH] for start in range(0, len(rows) - SMOOTH + 1, SMOOTH)]
        steps = [begun + int(group[-1]["step"]) for group in groups]
        means = [sum(float(row["loss"]) for row in group) / SMOOTH for group in groups]
        axes.plot(steps, means, label=f"run {number}")
        begun += int(rows[-1]["step"])
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.grid(visible=True, which="both", alpha=0.3)
    if len(losses) > 1:
        axes.legend()
    figure.savefig(picture, dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(run) for run in sys.argv[2:]])
