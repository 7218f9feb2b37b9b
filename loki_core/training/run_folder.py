"""A run's folder: what it was started with, and its losses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loki_core.diffusion.configs import LokiConfig
from loki_core.errors import InputError
from loki_core.training.config import TrainConfig
from loki_core.training.lia_x import LiaXPreset
from loki_core.training.processes import processes

__all__ = ["describe_lia_x_run", "describe_preset_run", "describe_run", "source_commit"]

_ROOT = Path(__file__).resolve().parents[2]


def describe_run(folder: Path, config: TrainConfig, loki: LokiConfig, *, resume: bool, begun: str | None = None) -> None:
    """Write run.json (settings, seed, commit), or on resuming compare it. Raises `InputError` for a folder of another run.

    `begun`: the digest of the weights that the run began with.
    """
    settings = _plain({"begun": begun, "train": config.to_dict(), "loki": loki.to_dict()})

    def same(found: dict[str, Any]) -> bool:
        trained, network = _filled(found.get("train", {})), LokiConfig.from_dict(found.get("loki", {}))
        return (found.get("begun"), trained, network) == (begun, settings["train"], loki)

    _describe(folder, {"seed": config.seed, **settings}, same, resume=resume)


def describe_lia_x_run(folder: Path, preset: LiaXPreset, *, resume: bool) -> None:
    """The same for a run of LIA-X."""
    describe_preset_run(folder, "lia_x", preset.to_dict(), seed=preset.train.seed, resume=resume)


def describe_preset_run(
    folder: Path,
    key: str,
    values: dict[str, Any],
    *,
    seed: int,
    resume: bool,
    begun: str | None = None,
    motion: str | None = None,
) -> None:
    """The same for a run whose settings are plain `values`, written under `key`; `motion`: the digest of its motion encoders."""
    settings = _plain({"begun": begun, "motion": motion, key: values})

    def same(found: dict[str, Any]) -> bool:
        return all(found.get(name) == value for name, value in settings.items())

    _describe(folder, {"seed": seed, **settings}, same, resume=resume)


def _filled(train: dict[str, Any]) -> dict[str, Any]:
    """A run's settings with what was not yet a setting when it began, as that was then."""
    usual = _plain(TrainConfig().to_dict())
    parts = {name: {**usual[name], **train.get(name, {})} for name in ("loss", "optimizer")}
    return {**usual, **train, **parts}


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """As they are when they have been written and read."""
    return dict(json.loads(json.dumps(settings)))


def _describe(folder: Path, settings: dict[str, Any], same: Callable[[dict[str, Any]], bool], *, resume: bool) -> None:
    path, count = folder / "run.json", int(processes().num_processes)
    if path.exists():
        if not resume:
            raise InputError(f"expected an empty folder, got '{folder}' with a run in it; give --resume or another folder")
        found = json.loads(path.read_text(encoding="utf-8"))
        begun = found.get("processes", count)  # runs that began without it did not say
        if begun != count:
            raise InputError(f"expected {begun} processes, as the run in '{folder}' began with, got {count}; start as many")
        if not same(found):
            raise InputError(f"expected the settings of '{path}', got others; resume with the same ones or start another folder")
        return
    if resume:
        raise InputError(f"expected a run in '{folder}', found none; start without --resume")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"commit": source_commit(), "processes": count, **settings}, indent=2) + "\n", encoding="utf-8")


def source_commit() -> str | None:
    """The commit that the code is at, with -dirty where files differ; None outside a repository."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],  # whichever git the user has
            cwd=_ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()
