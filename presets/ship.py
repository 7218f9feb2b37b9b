"""Puts a finished run's weights where they come with the project: python presets/ship.py runs/mini presets/loki/mini.

Weights become half precision; run.json and losses.csv go with them, and losses.webp shows the curve. The model card, README.md,
is written by hand and stays.
"""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import torch
from safetensors.torch import load_file, save_file

MOST = 24 * 2**20
"""Bytes of all weights of a preset: every clone carries them."""
SMOOTH = 25
"""Lines of losses.csv that a point of the curve is the mean of."""


def main(run: Path, place: Path) -> None:
    for source in sorted((run / "weights").rglob("*")):
        target = place / source.relative_to(run / "weights")
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(source, target)
    for name in ("run.json", "losses.csv"):
        shutil.copyfile(run / name, place / name)
    _draw(place / "losses.csv", place / "losses.webp")
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


def _draw(losses: Path, picture: Path) -> None:
    with losses.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    groups = [rows[start : start + SMOOTH] for start in range(0, len(rows) - SMOOTH + 1, SMOOTH)]
    steps = [int(group[-1]["step"]) for group in groups]
    means = [sum(float(row["loss"]) for row in group) / SMOOTH for group in groups]
    matplotlib.use("agg")
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    axes.plot(steps, means)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.grid(visible=True, which="both", alpha=0.3)
    figure.savefig(picture, dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
