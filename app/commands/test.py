"""`test`: formatting, lint, types and tests in one go, the same here and in CI."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from app.commands.options import Subparsers, add_command
from app.setup.environment import ROOT, install_missing

__all__ = ["add", "run"]

_CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
"""Each worker fills a core; more threads only wait for each other."""


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "test",
        "Check formatting, lint and types, then run the tests; installs requirements-dev.txt where it is missing.",
        example='python launch.py test --quick -k "raster and not slow"',
        run=run,
    )
    parser.add_argument("--quick", action="store_true", help="leave out slow, browser and GPU tests")
    parser.add_argument("-k", metavar="EXPRESSION", help="only tests whose names match, as pytest's -k")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes that share the tests (default: 2)")


def run(arguments: argparse.Namespace) -> int:
    """0 if everything is well. All run in any case; what failed is named at the end, where a long log is read first."""
    install_missing(ROOT / "requirements-dev.txt")
    tests = ("pytest", *pytest_options(arguments.quick, arguments.k, arguments.workers))
    failed = [command for command in (*_CHECKS, tests) if _call(*command) != 0]
    if failed:
        print("\nNot well: " + "; ".join(" ".join(command) for command in failed) + ". See above.", flush=True)
    return 1 if failed else 0


def pytest_options(quick: bool, expression: str | None, workers: int) -> list[str]:
    """What pytest is called with, beside its settings in pyproject.toml."""
    options = ["--quiet", "-rfEs"]
    if workers > 1:
        options += ["--numprocesses", str(workers), "--dist", "loadfile"]  # fixtures of a file are made once
    if quick:
        options += ["-m", "not slow and not browser and not gpu"]
    if expression:
        options += ["-k", expression]
    return options


def _call(*command: str) -> int:
    print("$", *command, flush=True)
    return subprocess.call(
        [sys.executable, "-m", *command], cwd=ROOT, env={**os.environ, **_ONE_THREAD}, stdin=subprocess.DEVNULL
    )
