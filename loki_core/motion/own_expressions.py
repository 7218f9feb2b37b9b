"""Expressions that the user has saved: what they may be, and how they are kept as files of the presets' own form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.controls import check_controls, control
from loki_core.motion.presets import ExpressionPreset, PresetProblem, load_expression

__all__ = ["MOST_OWN", "check_own", "face_values", "joined", "keep_own", "load_own", "own_name", "read_own"]

MOST_OWN = 256
_NAME = re.compile(r"own-[a-z0-9]{1,32}")
"""No preset of the project begins like this, so the two are never taken for each other."""
_LONGEST_LABEL = 60
_MOST_TAGS = 16
_LEAST = 0.005
"""Share of a control's range below which it counts as at rest: reading a face leaves traces of that size."""
_DIGITS = 4


def own_name(token: str) -> str:
    """The name of an own expression, of some letters and digits that no other one has."""
    return f"own-{token}"


def face_values(values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Controls as an expression keeps them: without those at rest, and turned no further than the table allows."""
    kept = []
    for name, value in values.items():
        limits = control(name)
        within = round(min(limits.maximum, max(limits.minimum, value)), _DIGITS)
        if abs(within - limits.default) >= _LEAST * (limits.maximum - limits.minimum):
            kept.append((name, within))
    return tuple(kept)


def check_own(preset: ExpressionPreset) -> None:
    """Raise `InputError` for an expression that the user could not have saved: name, label, tags, or controls out of range."""
    if not _NAME.fullmatch(preset.name):
        raise InputError(f"expected the name of an own expression (own-...), got '{preset.name:.40}'; rename it")
    for words in (preset.label, *preset.tags):
        if not words.strip() or len(words) > _LONGEST_LABEL or not words.isprintable():
            raise InputError(f"expected 1 to {_LONGEST_LABEL} printable characters, got {words!r:.80}; choose another name")
    if len(preset.tags) > _MOST_TAGS:
        raise InputError(f"expected at most {_MOST_TAGS} tags, got {len(preset.tags)}; remove some")
    if len(dict(preset.values)) < len(preset.values):
        raise InputError("expected every control once in an expression; remove one of them")
    check_controls(dict(preset.values))


def load_own(path: Path) -> ExpressionPreset:
    """Read an own expression: as strictly as a preset. Raises `InputError` that names the file and what is wrong in it."""
    try:
        preset = load_expression(path)
        check_own(preset)
    except OSError as exc:
        raise InputError(f"{path.name}: cannot be read ({exc.strerror}); remove it or allow it to be read") from exc
    return preset


def read_own(folder: Path) -> tuple[list[ExpressionPreset], list[PresetProblem]]:
    """Up to `MOST_OWN` own expressions of a folder, newest first; and the files that are none, each with the reason."""
    presets: list[ExpressionPreset] = []
    problems: list[PresetProblem] = []
    for path in sorted(folder.glob("own-*.json"), key=_age):
        try:
            if len(presets) >= MOST_OWN:
                raise InputError(f"{path.name}: expected at most {MOST_OWN} expressions; remove some")
            presets.append(load_own(path))
        except InputError as exc:
            problems.append(PresetProblem(path, str(exc)))
    return presets, problems


def _age(path: Path) -> tuple[int, str]:
    try:
        return -path.stat().st_mtime_ns, path.name
    except OSError:  # a link to nowhere; `load_own` says so
        return 0, path.name


def keep_own(folder: Path, before: Sequence[ExpressionPreset], after: Sequence[ExpressionPreset]) -> None:
    """Bring a folder from one set of own expressions to the next; files of others in it stay as they are."""
    for gone in {preset.name for preset in before} - {preset.name for preset in after}:
        (folder / f"{gone}.json").unlink(missing_ok=True)
    fresh = [preset for preset in after if preset not in before]
    if fresh:
        folder.mkdir(parents=True, exist_ok=True)
    for preset in fresh:
        told = {"name": preset.name, "label": preset.label, "tags": list(preset.tags), "values": dict(preset.values)}
        with replacing(folder / f"{preset.name}.json") as file:
            file.write(json.dumps(told, indent=2).encode())


def joined(first: Sequence[ExpressionPreset], second: Sequence[ExpressionPreset]) -> tuple[ExpressionPreset, ...]:
    """The first, and those of the second that have another name, as many as there is room for."""
    names = {preset.name for preset in first}
    return (*first, *(preset for preset in second if preset.name not in names))[:MOST_OWN]
