"""`train`: train the diffusion network, a small LIA-X or a small DeX-Portrait on synthetic portraits."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.material import bar
from app.commands.options import Subparsers, add_command
from app.commands.train_mapping import MAPPING_PRESET, fit
from loki_core.errors import InputError

if TYPE_CHECKING:
    from loki_core.dex.configs import DexPart
    from loki_core.diffusion.configs import EncoderInput, LokiConfig
    from loki_core.diffusion.stable_diffusion import Base
    from loki_core.head.model import HeadModel
    from loki_core.training.config import TrainConfig
    from loki_core.training.dex_runs import DexRun
    from loki_core.training.loop import Report, TrainingLoop

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
        help="network to train: mini, sd21, lia-x-small, dex-motion-mini, dex-mini on what that learned, or dex-mapping-mini, "
        "which tells dex-mini of coefficients (default: mini)",
    )
    parser.add_argument(
        "--network", type=Path, metavar="FOLDER", help="dex-mapping-mini: the weights folder of a dex-mini, where it goes as well"
    )
    begun = parser.add_mutually_exclusive_group()
    begun.add_argument("--base", type=Path, metavar="FOLDER", help="sd21: Stable Diffusion 2.1 as diffusers stores it")
    begun.add_argument(
        "--begin",
        type=Path,
        metavar="FOLDER",
        help="mini, sd21: begin with these weights of Loki; dex-mini: with those, or with its own; "
        "dex-motion-mini: with its own, or with a dex-mini's",
    )
    parser.add_argument(
        "--motion",
        type=Path,
        metavar="FOLDER",
        help="dex-mini: weights of a dex-motion-mini, or of a dex-mini, whose encoders it takes",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where state, weights and losses go")
    parser.add_argument("--steps", type=int, default=_STEPS, metavar="N", help=f"train up to step N (default: {_STEPS})")
    parser.add_argument("--batch", type=int, metavar="N", help="windows of a step in each process (default: as the preset says)")
    parser.add_argument(
        "--cool-down", type=int, default=0, metavar="N", help="let the learning rate fall to 0 over the last N steps (default: 0)"
    )
    parser.add_argument(
        "--validate-every",
        type=int,
        default=500,
        metavar="N",
        help="mini, sd21: each N steps draw clips of four people it has not met; 0: never (default: 500)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="not of LIA-X: other people, noise and first weights (default: 0)"
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
    from loki_core.data.samples import HELD_OUT_SEED
    from loki_core.training.dex_runs import DEX_RUNS
    from loki_core.training.lia_x import LIA_X_PRESETS
    from loki_core.training.loki_runs import LOKI_RUNS
    from loki_core.training.loop import Diverged

    if arguments.preset == MAPPING_PRESET:
        return fit(arguments)
    if arguments.network:
        raise InputError(f"expected --network with the preset {MAPPING_PRESET}, got {arguments.preset}; leave it out")
    if arguments.out is None:
        raise InputError("expected --out with a folder for state, weights and losses, got none; name a new one")
    if arguments.steps < 1:
        raise InputError(f"expected --steps of at least 1, got {arguments.steps}")
    if arguments.batch is not None and arguments.batch < 1:
        raise InputError(f"expected --batch of at least 1, got {arguments.batch}")
    if not 0 <= arguments.cool_down <= arguments.steps:
        raise InputError(f"expected --cool-down from 0 to the {arguments.steps} steps, got {arguments.cool_down}")
    if arguments.validate_every < 0:
        raise InputError(f"expected --validate-every of 0 or more, got {arguments.validate_every}")
    if arguments.base and arguments.preset != "sd21":
        raise InputError(f"expected --base with the preset sd21, got {arguments.preset}; leave it out")
    if arguments.motion and arguments.preset != "dex-mini":
        raise InputError(f"expected --motion with the preset dex-mini, got {arguments.preset}; leave it out")
    if arguments.begin and arguments.preset not in {*LOKI_RUNS, *DEX_RUNS}:
        known = ", ".join((*LOKI_RUNS, *DEX_RUNS))
        raise InputError(f"expected --begin with one of {known}, got {arguments.preset}; leave it out")
    if not 0 <= arguments.seed < HELD_OUT_SEED:
        raise InputError(f"expected --seed from 0 to {HELD_OUT_SEED - 1}, got {arguments.seed}: evaluation keeps those above")
    if arguments.preset in DEX_RUNS:
        trainer = _dex(arguments)
    else:
        trainer = _lia_x(arguments) if arguments.preset in LIA_X_PRESETS else _loki(arguments)
    if arguments.resume:
        trainer.resume()
    if trainer.accelerator.is_main_process:
        print(f"Windows a step: {trainer.windows_a_step}, in {trainer.accelerator.num_processes} processes")
    with ExitStack() as stack:
        report = _report(arguments, trainer, stack) if trainer.accelerator.is_main_process else None
        try:
            trainer.train(arguments.steps, cool_down=arguments.cool_down, report=report)
        except Diverged as exc:
            raise InputError(f"{exc}; --resume goes on from it") from exc
    if trainer.accelerator.is_main_process:
        print(f"Weights: {arguments.out / 'weights'}")
    return 0


def _report(arguments: argparse.Namespace, trainer: TrainingLoop, stack: ExitStack) -> Report:
    """Curves, a line in the terminal and, with Loki, clips of people whom the network has not met."""
    from loki_core.training.run_log import RunLog
    from loki_core.training.trainer import Trainer
    from loki_core.training.validation import Validator

    log = stack.enter_context(RunLog(arguments.out, trainer.config.log_every))
    tick = stack.enter_context(bar("Training", unit="step", logged=True, start=trainer.step))
    every, loki = arguments.validate_every, trainer if isinstance(trainer, Trainer) else None
    look = None if loki is None or not every else Validator(loki.head, size=loki.loki.image_size, frames=loki.loki.frames)

    def report(step: int, loss: float, rate: float) -> None:
        log.step(step, loss, rate)
        tick(step, arguments.steps)
        if look is not None and loki is not None and (step % every == 0 or step == arguments.steps):
            log.validation(step, look(loki.averaged()))

    return report


def _describe(write: Callable[[], None]) -> None:
    """Let one process of many describe the run, and the others wait for it."""
    from loki_core.training.processes import processes

    ours = processes()
    if ours.is_main_process:
        write()
    ours.wait_for_everyone()


def _batched(config: TrainConfig, arguments: argparse.Namespace) -> TrainConfig:
    """The run with batches of the size that is asked for."""
    return config if arguments.batch is None else replace(config, batch=arguments.batch)


def _loki(arguments: argparse.Namespace) -> TrainingLoop:
    from loki_core.data.folder import FolderWindows, folder_config
    from loki_core.data.vectors import vector_length
    from loki_core.diffusion.configs import ablated, preset
    from loki_core.diffusion.saved import weights_hash
    from loki_core.head.embedded import embedded_head
    from loki_core.training.loki_runs import loki_run
    from loki_core.training.run_folder import describe_run
    from loki_core.training.trainer import Trainer

    if arguments.without in _DEX_PARTS:
        raise InputError(f"expected --without {', '.join(_REST)} with Loki's network, got {arguments.without}; choose one")
    head = embedded_head()
    reads: EncoderInput = "vector" if arguments.coefficients else _REST.get(arguments.without, "map")
    loki = ablated(preset(arguments.preset), reads, numbers=vector_length(head.expression_count))
    data = None if arguments.data is None else folder_config(arguments.data)
    if data is not None:
        if loki.image_size != data.size:
            raise InputError(f"expected pictures of {loki.image_size} pixels for {loki.name}, got {data.size}; prepare them so")
        FolderWindows(head, data)  # refuses what cannot be read before anything is written
    config = _batched(loki_run(arguments.preset, data, seed=arguments.seed), arguments)
    base = _beginning(arguments, loki, head)
    begun = weights_hash(arguments.begin) if arguments.begin else None
    _describe(lambda: describe_run(arguments.out, config, loki, resume=arguments.resume, begun=begun))
    return Trainer(config, loki, head, arguments.out, base)


def _beginning(arguments: argparse.Namespace, loki: LokiConfig, head: HeadModel) -> Callable[[], Base] | None:
    """What reads the weights that training begins with; None: it begins with untrained ones."""
    from loki_core.diffusion.stable_diffusion import null_prompt, read_base
    from loki_core.training.begin import begin_with

    if arguments.begin:
        begun = begin_with(arguments.begin, loki, head.id)  # read before anything is written
        return lambda: begun
    if arguments.base:
        return partial(read_base, arguments.base, loki, null_prompt(arguments.base))
    if loki.reference.frozen:
        raise InputError(f"expected a folder with Stable Diffusion 2.1 as --base, got none; {loki.name} begins with it")
    return None


def _lia_x(arguments: argparse.Namespace) -> TrainingLoop:
    from loki_core.head.embedded import embedded_head
    from loki_core.training.lia_x import LiaXTrainer, lia_x_preset
    from loki_core.training.run_folder import describe_lia_x_run

    if arguments.without or arguments.coefficients or arguments.data or arguments.seed:
        raise InputError("expected --without, --coefficients, --data and --seed without LIA-X, got both; leave them out")
    preset = lia_x_preset(arguments.preset)
    preset = replace(preset, train=_batched(preset.train, arguments))
    _describe(lambda: describe_lia_x_run(arguments.out, preset, resume=arguments.resume))
    return LiaXTrainer(preset, embedded_head(), arguments.out)


def _dex(arguments: argparse.Namespace) -> TrainingLoop:
    from loki_core.diffusion.saved import weights_hash
    from loki_core.head.embedded import embedded_head
    from loki_core.training.begin import read_beginning
    from loki_core.training.dex_runs import DEX_RUNS, MotionRun, after_known, run_without, seeded
    from loki_core.training.dex_trainers import MotionTrainer
    from loki_core.training.run_folder import describe_preset_run

    if arguments.coefficients or arguments.data:
        raise InputError("expected --coefficients and --data with Loki's network, got DeX-Portrait; leave them out")
    if arguments.without in _REST:
        raise InputError(f"expected --without {', '.join(_DEX_PARTS)} with DeX-Portrait, got {arguments.without}; choose one")
    head, run = embedded_head(), seeded(DEX_RUNS[arguments.preset], arguments.seed)
    run = replace(run, train=_batched(run.train, arguments))
    if arguments.without:
        run = run_without(run, arguments.without)

    def describe(run: MotionRun | DexRun) -> None:
        given = {"begun": arguments.begin, "motion": arguments.motion}
        learned = {name: weights_hash(folder) if folder else None for name, folder in given.items()}
        values, seed = run.to_dict(), run.train.seed
        _describe(lambda: describe_preset_run(arguments.out, "dex", values, seed=seed, resume=arguments.resume, **learned))

    if isinstance(run, MotionRun):
        learned = read_beginning(arguments.begin, run.network) if arguments.begin else None
        run = run if learned is None else after_known(run)
        describe(run)
        return MotionTrainer(run, head, arguments.out, learned)
    trainer = _animator(arguments, run, head)
    describe(run)
    return trainer()


def _animator(arguments: argparse.Namespace, run: DexRun, head: HeadModel) -> Callable[[], TrainingLoop]:
    """What makes the trainer. All that can be refused is refused here, before anything is written."""
    from loki_core.dex.saved import holds_dex
    from loki_core.training.begin import read_animator, read_encoders, read_unets
    from loki_core.training.dex_latent import read_latents, whitened
    from loki_core.training.dex_trainers import DexTrainer

    begin, motion = arguments.begin, arguments.motion
    if begin and holds_dex(begin):
        if motion:
            raise InputError("expected --motion or --begin of DeX-Portrait, which has encoders, got both; leave --motion out")
        return partial(DexTrainer, run, read_animator(begin, run.network), head, arguments.out)
    if motion is None:
        raise InputError("expected --motion with a folder of weights, got none; train --preset dex-motion-mini first")
    encoders, white = read_encoders(motion, run.network.motion), holds_dex(motion)
    unets = read_unets(begin, run.network, head.id) if begin else None

    def trainer() -> TrainingLoop:
        learned = encoders if white else whitened(encoders, read_latents(encoders, head))
        return DexTrainer(run, learned, head, arguments.out, unets)

    return trainer
