"""The pins of requirements.txt, and which of them an environment does not meet."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import zip_longest
from pathlib import Path
from typing import Any

__all__ = ["Requirement", "read_requirements", "unmet"]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)((?:[=!<>]=?[0-9.]+,?)*)")
_BOUND = re.compile(r"([=!<>]=?)([0-9.]+)")


@dataclass(frozen=True)
class Requirement:
    """A package and the versions that will do."""

    name: str
    bounds: tuple[tuple[str, str], ...]
    """Such as (">=", "2.8"), all of which must hold."""

    def __str__(self) -> str:
        return self.name + ",".join(sign + version for sign, version in self.bounds)

    def admits(self, version: str) -> bool:
        """Whether a version lies within the bounds; only its release numbers count, so 2.13.0+cpu is 2.13.0."""
        return all(_COMPARE[sign](*_padded(version, bound)) for sign, bound in self.bounds)


def _release(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", re.split(r"[^0-9.]", version)[0])]


def _padded(left: str, right: str) -> tuple[list[int], list[int]]:
    pairs = list(zip_longest(_release(left), _release(right), fillvalue=0))
    return [a for a, _ in pairs], [b for _, b in pairs]


def _parse(line: str, source: Path) -> Requirement:
    match = _LINE.fullmatch(line.replace(" ", ""))
    if match is None:
        raise ValueError(f"{source.name}: expected a line such as 'numpy==1.26.4', got '{line}'")
    return Requirement(match[1], tuple(_BOUND.findall(match[2])))


def read_requirements(path: Path) -> list[Requirement]:
    """The lines of a requirements file without comments; `ValueError` on anything but name and version bounds."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [_parse(line, path) for line in lines if line]


def installed_version(name: str) -> str | None:
    """Version of an installed package, None where it is missing or only half there."""
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, KeyError):
        return None


def unmet(requirements: Sequence[Requirement]) -> list[Requirement]:
    """Those that the running interpreter does not meet."""
    versions = ((requirement, installed_version(requirement.name)) for requirement in requirements)
    return [requirement for requirement, version in versions if version is None or not requirement.admits(version)]
