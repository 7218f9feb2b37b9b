"""`train`: train the diffusion network, a small LIA-X or a small DeX-Portrait on synthetic portraits."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.options import Subparsers, add_command
from loki_core.errors import InputError

if TYPE_CHECKING:
    from loki_core.dex.configs import DexPart
    from loki_core.diffusion.configs import EncoderInput
    from loki_core.training.loop import TrainingLoop

__all__ = ["add", "run"]

_STEPS = 20_000
_REST: Mapping[str, EncoderInput] = {"deformation": "encoding", "encoding": "deformation"}
"""What is left of the driver map without each."""
_DEX_PARTS: tuple[DexPart, ...] = ("rays", "warping", "augmentation")


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "train",
        "Train the diffusion network, a small LIA-X or a small DeX-Portrait on synthetic portraits of the embedded head.",
        example="python launch.py train --preset mini --out runs/mini --steps 20000",
        run=run,
    )
    parser.add_argument(
        "--preset",
        default="mini",
        help="network to train: mini, lia-x-small, dex-motion-mini, or dex-mini on what that learned (default: mini)",
    )
    parser.add_argument("--motion", type=Path, metavar="FOLDER", help="dex-mini: the weights folder of a dex-motion-mini")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where state, weights and losses go")
    parser.add_argument("--steps", type=int, default=_STEPS, metavar="N", help=f"train up to step N (default: {_STEPS})")
    parser.add_argument(
        "--cool-down", type=int, default=0, metavar="N", help="let the learning rate fall to 0 over the last N steps (default: 0)"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="train on what `prepare` wrote, not on synthetic portraits")
    told = parser.add_mutually_exclusive_group()
    told.add_argument(
        "--without",
        choices=(*_REST, *_DEX_PARTS),
        help="leave these channels of the driver map at zero; of DeX-Portrait: train without that part (ablation)",
    )
    told.add_argument("--coefficients", action="store_true", help="give a pose as numbers instead of a driver map (ablation)")
    parser.add_argument("--resume", action="store_true", help="go on from the state in the folder")


def run(arguments: argparse.Namespace) -> int:
    from loki_core.training.dex import DEX_RUNS
    from loki_core.training.lia_x import LIA_X_PRESETS
    from loki_core.training.loop import Diverged
    from loki_core.training.run_folder import log_losses

    if arguments.steps < 1:
        raise InputError(f"expected --steps of at least 1, got {arguments.steps}")
    if not 0 <= arguments.cool_down <= arguments.steps:
        raise InputError(f"expected --cool-down from 0 to the {arguments.steps} steps, got {arguments.cool_down}")
    if arguments.motion and arguments.preset != "dex-mini":
        raise InputError(f"expected --motion with the preset dex-mini, got {arguments.preset}; leave it out")
    if arguments.preset in DEX_RUNS:
        trainer = _dex(arguments)
    else:
        trainer = _lia_x(arguments) if arguments.preset in LIA_X_PRESETS else _loki(arguments)
    if arguments.resume:
        trainer.resume()
    log = log_losses(arguments.out, trainer.config.log_every)

    def report(step: int, loss: float, rate: float) -> None:
        log(step, loss, rate)
        print(f"\rstep {step} of {arguments.steps}, loss {loss:.4f}", end="", flush=True)

    try:
        trainer.train(arguments.steps, cool_down=arguments.cool_down, report=report)
    except Diverged as exc:
        raise InputError(f"{exc}; --resume goes on from it") from exc
    print(f"\nWeights: {arguments.out / 'weights'}")
    return 0


def _loki(arguments: argparse.Namespace) -> TrainingLoop:
    from loki_core.data.folder import FolderConfig, FolderWindows, folder_config
    from loki_core.data.samples import SyntheticConfig
    from loki_core.data.vectors import vector_length
    from loki_core.diffusion.configs import ablated, preset
    from loki_core.head.embedded import embedded_head
    from loki_core.training.config import TrainConfig
    from loki_core.training.run_folder import describe_run
    from loki_core.training.trainer import Trainer

    if arguments.without in _DEX_PARTS:
        raise InputError(f"expected --without {', '.join(_REST)} with Loki's network, got {arguments.without}; choose one")
    head = embedded_head()
    reads: EncoderInput = "vector" if arguments.coefficients else _REST.get(arguments.without, "map")
    data = SyntheticConfig() if arguments.data is None else folder_config(arguments.data)
    config = TrainConfig(preset=arguments.preset, data=data)
    loki = ablated(preset(arguments.preset), reads, numbers=vector_length(head.expression_count))
    if loki.image_size != data.size:
        raise InputError(f"expected a preset for pictures of {data.size} pixels, got {loki.name}; train mini on pictures of 64")
    if isinstance(data, FolderConfig):
        FolderWindows(head, data)  # refuses what cannot be read before anything is written
    describe_run(arguments.out, config, loki, resume=arguments.resume)
    return Trainer(config, loki, head, arguments.out)


def _lia_x(arguments: argparse.Namespace) -> TrainingLoop:
    from loki_core.head.embedded import embedded_head
    from loki_core.training.lia_x import LiaXTrainer, lia_x_preset
    from loki_core.training.run_folder import describe_lia_x_run

    if arguments.without or arguments.coefficients or arguments.data:
        raise InputError("expected --without, --coefficients and --data with a diffusion network, got LIA-X; leave them out")
    preset = lia_x_preset(arguments.preset)
    describe_lia_x_run(arguments.out, preset, resume=arguments.resume)
    return LiaXTrainer(preset, embedded_head(), arguments.out)


def _dex(arguments: argparse.Namespace) -> TrainingLoop:
    from loki_core.dex.saved import read_motion_network
    from loki_core.head.embedded import embedded_head
    from loki_core.training.dex import DEX_RUNS, DexTrainer, MotionRun, MotionTrainer, run_without
    from loki_core.training.run_folder import describe_preset_run

    if arguments.coefficients or arguments.data:
        raise InputError("expected --coefficients and --data with Loki's network, got DeX-Portrait; leave them out")
    if arguments.without in _REST:
        raise InputError(f"expected --without {', '.join(_DEX_PARTS)} with DeX-Portrait, got {arguments.without}; choose one")
    run = DEX_RUNS[arguments.preset]
    if arguments.without:
        run = run_without(run, arguments.without)
    if isinstance(run, MotionRun):
        describe_preset_run(arguments.out, "dex", run.to_dict(), seed=run.train.seed, resume=arguments.resume)
        return MotionTrainer(run, embedded_head(), arguments.out)
    if arguments.motion is None:
        raise InputError("expected --motion with a folder of weights, got none; train --preset dex-motion-mini first")
    motion = read_motion_network(arguments.motion)
    describe_preset_run(arguments.out, "dex", run.to_dict(), seed=run.train.seed, resume=arguments.resume)
    return DexTrainer(run, motion, embedded_head(), arguments.out)
