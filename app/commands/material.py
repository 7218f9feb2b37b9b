"""What the commands read, and how they show that they work."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from loki_core.errors import InputError

if TYPE_CHECKING:
    from loki_core.head.model import HeadModel
    from loki_core.head.units import UnitBasis
    from loki_core.render.base import Portrait, Progress

__all__ = [
    "EXAMPLE_MOTION",
    "bar",
    "controls_of",
    "existing",
    "expression_values",
    "head_and_units",
    "open_example",
    "rate",
    "seconds",
]

EXAMPLE_MOTION = "showreel"
_LOGGED = 30.0
"""Seconds between progress lines in a log."""
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)")


def seconds(text: str) -> Fraction:
    """A time as 12.5, 1:02.5 or 1:00:02; for argparse."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected a time such as 2.5 or 1:02.5, got '{text}'")
    hours, minutes, rest = match.groups()
    return Fraction(int(hours or 0) * 3600 + int(minutes or 0) * 60) + Fraction(rest)


def rate(text: str) -> Fraction:
    """Frames a second as 25, 29.97 or 30000/1001; for argparse."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"expected frames a second such as 25 or 30000/1001, got '{text}'")
    return value


def existing(path: Path) -> Path:
    """The path of a file that is there."""
    if not path.is_file():
        raise InputError(f"expected a file, found none at '{path}'; check the name")
    return path


def controls_of(pairs: list[str]) -> dict[str, float]:
    """NAME=VALUE words as control values."""
    from loki_core.head.controls import check_controls

    values = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            values[name] = float(text)
        except ValueError as exc:
            raise InputError(f"expected NAME=NUMBER, got '{pair}'; for example mouthSmileLeft=0.8") from exc
    check_controls(values)
    return values


def expression_values(name: str) -> dict[str, float]:
    """The controls of an expression of presets/expressions."""
    from loki_core.motion.presets import EXPRESSIONS, load_expression

    names = [path.stem for path in sorted(EXPRESSIONS.glob("*.json"))]
    if name not in names:
        raise InputError(f"expected an expression preset, got '{name}'; there are {', '.join(names)}")
    return dict(load_expression(EXPRESSIONS / f"{name}.json").values)


def head_and_units() -> tuple[HeadModel, UnitBasis]:
    """The head that the commands work with, and its named controls."""
    from loki_core.head.embedded import embedded_head
    from loki_core.head.units import unit_basis

    head = embedded_head()
    return head, unit_basis(head, head)


def open_example(head: HeadModel) -> Portrait:
    """Astronaut Eileen Collins, photographed by NASA (public domain); the picture comes with scikit-image."""
    import skimage.data

    from loki_core.track.portrait import fit_portrait

    return fit_portrait(skimage.data.astronaut(), head)


@contextmanager
def bar(label: str, *, unit: str = "frame", logged: bool = False, start: int = 0) -> Iterator[Progress]:
    """A line in the terminal with the share done and the time left.

    Where stderr is no terminal: nothing, or with `logged` the same twice a minute. `start`: what was done before.
    """
    from tqdm import tqdm

    every = 0.1 if sys.stderr.isatty() else _LOGGED
    with tqdm(
        desc=label,
        unit=unit,
        disable=False if logged else None,
        leave=False,
        dynamic_ncols=True,
        mininterval=every,
        initial=start,
    ) as line:
        yield _shown_on(line)


def _shown_on(line: object) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        line.total = total  # type: ignore[attr-defined]
        line.update(done - line.n)  # type: ignore[attr-defined]

    return show
