"""What the commands' options share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from loki_core.errors import InputError

__all__ = ["Parser", "Subparsers", "add_command", "check_output"]

Subparsers = Any
"""What `add_subparsers` returns: argparse gives it no public name."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, and whose options may not be shortened."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
        self.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks and the log")

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see: {self.prog} --help\n")


def add_command(
    commands: Subparsers,
    name: str,
    summary: str,
    *,
    example: str,
    run: Callable[[argparse.Namespace], int],
    needs_packages: bool = True,
) -> Parser:
    """Declare a command with its one-line summary and an example of its use."""
    parser: Parser = commands.add_parser(name, help=summary, description=summary, epilog=f"example:\n  {example}")
    parser.set_defaults(run=run, needs_packages=needs_packages)
    return parser


def check_output(path: Path, suffixes: tuple[str, ...]) -> Path:
    """Refuse a place where no file of those kinds can be written, before work starts."""
    if path.suffix.lower() not in suffixes:
        raise InputError(f"expected an output that ends in {' or '.join(suffixes)}, got '{path}'")
    if path.is_dir():
        raise InputError(f"expected an output file, got the folder '{path}'; add a name such as '{path / ('out' + suffixes[0])}'")
    if not path.parent.is_dir():
        raise InputError(f"the folder '{path.parent}' does not exist; run: mkdir -p '{path.parent}'")
    return path
