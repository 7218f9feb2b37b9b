"""`evaluate --network` and `evaluate --suite`: trained networks and renderers on held-out synthetic people, side by side."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.evaluate_methods import DEX_MINI, LOKI_MINI, Compared, named_networks, suite_networks
from app.commands.material import bar
from app.commands.options import check_output
from loki_core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loki_core.training.evaluation import Figures
    from loki_core.training.evaluation_pose import PoseAccuracy
    from loki_core.training.evaluation_report import Setting
    from loki_core.training.held_out import HeldOut
    from loki_core.training.methods import Method
    from loki_core.training.seams import Seams

__all__ = ["add_options", "run"]

_CLIPS, _COLUMNS = 4, 12
"""Clips, and people on the sheet; fewer where fewer are asked for."""
_LONG = 40
"""Frames of a clip of several windows."""
_DRIVERS, _POSES = 24, 32
"""Of the probe for leaks."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this half of the command."""
    group = parser.add_argument_group("trained networks and renderers")
    group.add_argument(
        "--network", type=Path, nargs="+", metavar="FOLDER", help="weights of `train`; several make several columns"
    )
    group.add_argument("--suite", action="store_true", help="compare the renderers in one table")
    group.add_argument("--loki", type=Path, metavar="FOLDER", help=f"Loki's weights for --suite (default: {LOKI_MINI})")
    group.add_argument("--dex", type=Path, metavar="FOLDER", help=f"DeX-Portrait's for --suite (default: {DEX_MINI})")
    group.add_argument("--lia-x", type=Path, metavar="FILE", help="LIA-X's for --suite")
    group.add_argument("--identities", type=int, default=200, metavar="N", help="held-out people (default: 200)")
    group.add_argument(
        "--steps", type=int, metavar="N", help="steps of sampling (default: as many as the network's renderer takes)"
    )
    group.add_argument(
        "--guidance",
        type=float,
        default=1.5,
        metavar="X",
        help="weight of motion and portrait (default: 1.5); 1 takes half the time",
    )
    group.add_argument(
        "--progressive",
        type=int,
        metavar="S",
        help="each network a second time, without expression in the first S steps; it comes in over the next S",
    )
    group.add_argument(
        "--told",
        nargs="+",
        choices=("coefficients", "warp"),
        help="DeX-Portrait's networks once more, told as the renderer can be: by coefficients, or by the warp's pictures",
    )
    group.add_argument("--out", type=Path, metavar="FILE", help="write the table here too, as markdown")
    group.add_argument("--sheet", type=Path, metavar="FILE", help="draw portraits, drivers, truth and results on one sheet")


def run(arguments: argparse.Namespace) -> int:
    """Print the table and write what was asked for."""
    from loki_core.head.embedded import embedded_head
    from loki_core.training.evaluation import evaluate_methods
    from loki_core.training.held_out import draw_held_out
    from loki_core.training.methods import Frozen, Truth, WarpMethod

    table, values, sheet = (
        None if path is None else check_output(path, suffixes)
        for path, suffixes in (
            (arguments.out, (".md",)),
            (arguments.json, (".json",)),
            (arguments.sheet, (".png", ".webp", ".jpg")),
        )
    )
    _check(arguments)
    compared = suite_networks(arguments) if arguments.suite else named_networks(arguments)
    head, count = embedded_head(), arguments.identities
    scenes = draw_held_out(
        head,
        size=compared.side,
        pairs=count,
        apart=count,
        movements=count,
        clips=min(count, _CLIPS),
    )
    plain: tuple[Method, ...] = (Frozen(), WarpMethod(head))
    methods = [*plain, *compared.methods, Truth()] if arguments.suite else [*compared.methods, *plain, Truth()]
    with bar("Evaluating", unit="picture", logged=True) as progress:
        found = evaluate_methods(methods, scenes, head, progress=progress)
    figures = {method.name: each for method, each in zip(methods, found, strict=True)}
    text, plain_values = _reported(arguments, compared, figures, scenes)
    print(text, end="")
    if table is not None:
        table.write_text(text, encoding="utf-8")
    if values is not None:
        values.write_text(json.dumps(plain_values, indent=2) + "\n", encoding="utf-8")
    if sheet is not None:
        _draw_sheet(sheet, methods[:-1], scenes, driven=arguments.suite)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.suite and arguments.network:
        raise InputError("expected --suite or --network, got both; give one of the two")
    if not arguments.suite and (arguments.loki or arguments.dex or arguments.lia_x):
        raise InputError("expected --suite with --loki, --dex or --lia-x, got none; add it, or name folders with --network")
    if arguments.identities < 2:
        raise InputError(f"expected at least 2 identities, got {arguments.identities}")
    if arguments.steps is not None and arguments.steps < 1:
        raise InputError(f"expected at least 1 step, got {arguments.steps}")


def _reported(
    arguments: argparse.Namespace, compared: Compared, figures: Mapping[str, Figures], scenes: HeldOut
) -> tuple[str, dict[str, object]]:
    """The table, and plain values for JSON."""
    from loki_core.head.embedded import embedded_head
    from loki_core.training.evaluation_report import report_table, report_values
    from loki_core.training.evaluation_suite import suite_table
    from loki_core.training.leakage import measure_leakage

    setting, poses = _setting(arguments, compared), _poses(compared, scenes)
    if arguments.suite:
        return suite_table(figures, setting, poses=poses, absent=compared.absent), report_values(figures, setting, poses=poses)
    drivers = min(arguments.identities, _DRIVERS)
    leakage = measure_leakage(embedded_head(), drivers=drivers, poses=_POSES, size=compared.side)
    seams = _seams(compared)
    text = report_table(figures, leakage, setting, poses=poses, seams=seams)
    return text, report_values(figures, setting, leakage=leakage, poses=poses, seams=seams)


def _seams(compared: Compared) -> dict[str, Seams]:
    """Of Loki's networks."""
    from loki_core.head.embedded import embedded_head
    from loki_core.training.network_methods import NetworkMethod
    from loki_core.training.seams import measure_seams

    lokis = [each for each in compared.methods if isinstance(each, NetworkMethod) and not each.sampler.guidance.progressive]
    with bar("Long clips", unit="network", logged=True) as progress:
        found = {}
        for count, each in enumerate(lokis, 1):
            found[each.name] = measure_seams(each.pipeline, embedded_head(), each.sampler, clips=_CLIPS, frames=_LONG)
            progress(count, len(lokis))
    return found


def _setting(arguments: argparse.Namespace, compared: Compared) -> Setting:
    import torch

    from loki_core.training.evaluation_report import Setting
    from loki_core.training.network_methods import DexMethod, NetworkMethod
    from loki_core.training.run_folder import source_commit
    from loki_core.training.sampling import half_is_fast

    return Setting(
        arguments.identities,
        {each.name: each.sampler.steps for each in compared.methods if isinstance(each, NetworkMethod | DexMethod)},
        arguments.guidance,
        source_commit(),
        compared.weights,
        torch.get_num_threads(),
        "bfloat16" if half_is_fast() else "float32",
    )


def _poses(compared: Compared, scenes: HeldOut) -> dict[str, PoseAccuracy]:
    """Of each network that learns an explicit pose, once: how it is sampled and told makes no difference."""
    from loki_core.training.evaluation_pose import pose_accuracy
    from loki_core.training.network_methods import DexMethod

    learned = [each for each in compared.methods if isinstance(each, DexMethod)]
    first = {id(each.pipeline): each for each in reversed(learned)}
    return {each.name: pose_accuracy(each.pipeline, scenes.pairs) for each in learned if first[id(each.pipeline)] is each}


def _draw_sheet(path: Path, methods: Sequence[Method], scenes: HeldOut, *, driven: bool) -> None:
    """Borrowed motions of the first people; `driven`: with the drivers, and then motions of two others."""
    from loki_core.training.contact_sheet import contact_sheet, driven_sheet, stacked

    shown, apart = scenes.pairs[:_COLUMNS], scenes.apart[:_COLUMNS]
    moved = [method for method in methods if method.name != "frozen portrait"]
    borrowed = {method.name: method.frames(shown)[:, 1] for method in moved}
    if not driven:
        contact_sheet(shown, 1, borrowed).save(path)
        return
    separate = {method.name: method.frames(apart)[:, 0] for method in moved if method.apart}
    stacked([driven_sheet(shown, 1, borrowed), driven_sheet(apart, 0, separate)]).save(path)
