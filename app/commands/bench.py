"""`bench`: what the parts take on this machine, beside their budgets."""

from __future__ import annotations

import argparse
import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.options import Subparsers, add_command, check_output
from loki_core.errors import InputError

if TYPE_CHECKING:
    from benchmarks.measure import Measurement

__all__ = ["add", "run"]

BENCHMARKS = ("map", "track", "accuracy", "warp", "loki", "lia-x", "studio")
"""Modules of benchmarks/, each with `run() -> list[Measurement]`."""


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "bench",
        "Measure the parts on this machine and print their budgets beside the figures.",
        example="python launch.py bench map warp --json figures.json",
        run=run,
    )
    names = ", ".join(BENCHMARKS)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{names} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")


def run(arguments: argparse.Namespace) -> int:
    """0 whatever the figures are: machines differ, and a busy one is no fault."""
    out = None if arguments.json is None else check_output(arguments.json, (".json",))
    if unknown := [part for part in arguments.parts if part not in BENCHMARKS]:
        raise InputError(f"expected parts out of {', '.join(BENCHMARKS)}, got '{unknown[0]}'")
    figures: list[Measurement] = []
    print(f"{'':44}{'measured':>12} {'':9}{'budget':>12}  ratio")
    for part in arguments.parts or BENCHMARKS:
        for figure in importlib.import_module(f"benchmarks.{part.replace('-', '_')}").run():
            figures.append(figure)
            print(_line(figure), flush=True)
    if out is not None:
        out.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
    return 0


def _line(figure: Measurement) -> str:
    verdict = {None: "", True: "met", False: "NOT met"}[figure.met]
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} x {figure.ratio_to}"
    return f"{figure.name:44}{figure.value:12.2f} {figure.unit:9}{figure.budget or '':>12}  {verdict:8}{ratio}"
