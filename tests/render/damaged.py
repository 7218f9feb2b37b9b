"""What can be wrong with a folder of weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch

__all__ = ["cut_off", "of_another_architecture", "pickled"]

_WEIGHTS = "diffusion_pytorch_model.safetensors"


def of_another_architecture(place: Path) -> None:
    path = place / "network" / "config.json"
    config = json.loads(path.read_text())
    config["architecture"]["unet"]["widths"] = [8, 24]
    path.write_text(json.dumps(config))


def cut_off(place: Path) -> None:
    path = place / "network" / _WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])


def pickled(place: Path) -> None:
    path = place / "network" / _WEIGHTS
    torch.save({"weight": torch.zeros(2)}, path.with_suffix(".bin"))
    path.unlink()
