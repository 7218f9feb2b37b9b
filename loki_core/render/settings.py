"""Settings of renderers as data: the page's controls, the command line's options and what is checked are made of it.

Standard library only: the command line explains itself before any package is there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from loki_core.errors import InputError

__all__ = ["Setting", "SettingKind", "SettingValue", "complete", "stored"]

SettingValue = bool | int | float | str
SettingKind = Literal["whole", "number", "switch", "choice"]
"""A whole number, any number, yes or no, one of a few words."""


@dataclass(frozen=True)
class Setting:
    """One thing that a user may set."""

    name: str
    """Letters and _."""
    label: str
    kind: SettingKind
    default: SettingValue
    minimum: float = 0.0
    """Of numbers."""
    maximum: float = 1.0
    step: float = 1.0
    """Of a slider; values between its steps are allowed."""
    choices: tuple[tuple[str, str], ...] = ()
    """Values of a choice, each with its label."""
    help: str = ""
    """A sentence."""
    rare: bool = False
    """Few change it: it is shown folded away."""

    def check(self, value: object) -> SettingValue:
        """The value, a whole one as int and a number as float. Raises `InputError` for one of another kind or out of range."""
        if self.kind == "switch" and isinstance(value, bool):
            return value
        if self.kind == "choice" and isinstance(value, str) and value in dict(self.choices):
            return value
        if self.kind in ("whole", "number") and isinstance(value, int | float) and not isinstance(value, bool):
            whole = self.kind == "whole"
            if math.isfinite(value) and self.minimum <= value <= self.maximum and (not whole or value == int(value)):
                return int(value) if whole else float(value)
        raise InputError(f"expected {self._expected} for '{self.name}', got {value!r:.40}")

    @property
    def _expected(self) -> str:
        if self.kind == "switch":
            return "yes or no"
        if self.kind == "choice":
            return f"one of {', '.join(dict(self.choices))}"
        return f"{'a whole number' if self.kind == 'whole' else 'a number'} from {self.minimum:g} to {self.maximum:g}"


def complete(settings: Sequence[Setting], values: Mapping[str, object]) -> dict[str, SettingValue]:
    """Every setting's value: what is given, checked, and else its default. Raises `InputError` for a name that is none."""
    names = [setting.name for setting in settings]
    if unknown := sorted(set(values) - set(names)):
        raise InputError(f"expected one of the settings {', '.join(names) or '(none)'}, got '{unknown[0]:.40}'; leave it out")
    return {s.name: s.check(values[s.name]) if s.name in values else s.default for s in settings}


def stored(settings: Sequence[Setting], values: Mapping[str, object]) -> tuple[tuple[str, SettingValue], ...]:
    """What is worth keeping of values: those that are not the default, in order of name. Raises `InputError` as `complete`."""
    defaults = {setting.name: setting.default for setting in settings}
    return tuple(sorted((name, value) for name, value in complete(settings, values).items() if value != defaults[name]))
