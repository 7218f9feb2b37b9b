"""The command line: one parser for all commands, and the one place where an error becomes a sentence and an exit status."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable

from app.commands import animate, bench, doctor, evaluate, map, prepare, still, studio, test, track, train, view, weights
from app.commands.options import Parser
from app.setup import environment
from app.setup.errors import SetupError
from app.setup.system import missing_library
from loki_core.errors import InputError

__all__ = ["main"]

_COMMANDS = (animate, still, view, track, map, evaluate, prepare, train, weights, bench, doctor, test)
DONE, OUR_FAULT, UNUSABLE, STOPPED = 0, 1, 2, 130


def build_parser() -> Parser:
    """All commands; without one, the studio."""
    parser = Parser(
        prog="launch.py",
        description="Loki Studio: direct a portrait with sliders, keys and driver clips, and render it as video.",
        epilog="Without a command the studio opens. Each command explains itself: launch.py doctor --help",
    )
    studio.configure(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in _COMMANDS:
        module.add(commands)
    return parser


def main(argv: list[str]) -> int:
    """Run the command that `argv` names; returns its exit status."""
    arguments = build_parser().parse_args(argv)
    return guard(lambda: _run(arguments, argv), debug=arguments.debug)


def _run(arguments: argparse.Namespace, argv: list[str]) -> int:
    if arguments.needs_packages:
        environment.ensure(argv)
    else:
        environment.enter_if_ready(argv)
    if not arguments.debug:
        _silence_native_code()
    logging.basicConfig(level=logging.DEBUG if arguments.debug else logging.ERROR, format="%(name)s: %(message)s")
    if not arguments.debug:
        warnings.simplefilter("ignore")
    status: int = arguments.run(arguments)
    return status


def _silence_native_code() -> None:
    """MediaPipe's C++ writes to file descriptor 2 what only its makers need: send that away, keep the terminal for our words."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def guard(run: Callable[[], int], *, debug: bool) -> int:
    """Call `run`; what it raises becomes one sentence on stderr and 2 (unusable), 130 (stopped) or 1 (our fault)."""
    try:
        return run()
    except KeyboardInterrupt:
        return _end("stopped; nothing half-written is left", STOPPED)
    except BrokenPipeError:  # whoever reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUR_FAULT
    except (InputError, SetupError) as exc:
        return _end(str(exc), UNUSABLE, debug=debug)
    except ImportError as exc:
        sentence = missing_library(exc)
        return _end(sentence, UNUSABLE, debug=debug) if sentence else _our_fault(exc, debug=debug)
    except Exception as exc:  # the last door: whatever is left is a fault of the program
        return _our_fault(exc, debug=debug)


def _our_fault(error: Exception, *, debug: bool) -> int:
    hint = "" if debug else " (a fault of the program; --debug shows where)"
    return _end(f"{type(error).__name__}: {error}{hint}", OUR_FAULT, debug=debug)


def _end(sentence: str, status: int, *, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    print(f"launch.py: {sentence}", file=sys.stderr)
    return status
