"""The last few snapshots of a work in a folder, so that a server that is killed loses seconds at most."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.model import HeadId
from loki_core.project.contents import Project
from loki_core.project.manifest import Manifest, read_manifest, write_manifest
from loki_core.project.members import pack, unpack
from loki_core.project.store import ContentStore

__all__ = ["PassedOver", "Recovered", "has_snapshots", "recover", "save_snapshot"]

_NAME = re.compile(r"snapshot-(\d{9})\.json")
_FILES = "files"


@dataclass(frozen=True)
class PassedOver:
    """A snapshot that could not be read."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Recovered:
    """What a folder of snapshots gives back."""

    project: Project | None
    """The newest that can be read; None without any."""
    passed_over: tuple[PassedOver, ...]
    """Those that are newer, but damaged: newest first."""


def save_snapshot(folder: Path, project: Project, *, keep: int = 5) -> Path:
    """Write the next snapshot, and remove all but the last `keep` and the files that only others needed. Its path.

    One writer a folder. Raises `InputError` for a project that could not be read again.
    """
    if keep < 1:
        raise ValueError(f"expected at least one snapshot to keep, got {keep}")
    manifest, files = pack(project)
    text, store = write_manifest(manifest), ContentStore(folder / _FILES)
    for file in files.values():
        store.put_file(file)
    before = _snapshots(folder)
    path = folder / f"snapshot-{_number(before[0]) + 1 if before else 1:09d}.json"
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as target:  # after its files: a snapshot that is there is whole
        target.write(text)
    _remove_older(folder, store, manifest, before, keep)
    return path


def has_snapshots(folder: Path) -> bool:
    """Whether there is anything to recover."""
    return bool(_snapshots(folder))


def recover(folder: Path, head: HeadId) -> Recovered:
    """The newest snapshot that can be read, with the names of those that cannot."""
    passed_over: list[PassedOver] = []
    for path in _snapshots(folder):
        try:
            return Recovered(_read(path, ContentStore(folder / _FILES), head), tuple(passed_over))
        except InputError as exc:
            passed_over.append(PassedOver(path.name, str(exc)))
    return Recovered(None, tuple(passed_over))


def _read(path: Path, store: ContentStore, head: HeadId) -> Project:
    manifest = read_manifest(path.read_bytes(), head, path.name)
    return unpack(manifest, lambda name: store.get(manifest.members[name]), path.name)


def _snapshots(folder: Path) -> list[Path]:
    """Newest first."""
    return sorted((path for path in folder.glob("snapshot-*.json") if _NAME.fullmatch(path.name)), key=_number, reverse=True)


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    assert found is not None
    return int(found[1])


def _remove_older(folder: Path, store: ContentStore, manifest: Manifest, before: list[Path], keep: int) -> None:
    for path in [*before[keep - 1 :], *folder.glob(".snapshot-*.part")]:  # a part is what a killed writer left
        path.unlink(missing_ok=True)
    needed = set(manifest.members.values())
    for path in before[: keep - 1]:
        needed |= _needed(path)
    store.keep_only(needed)


def _needed(path: Path) -> set[str]:
    """Keys of the files that a snapshot names, whatever its version and head; none when it is damaged and so of no use.

    Not read as strictly as for use: that would take most of the time of saving, and the keys are only compared.
    """
    try:
        return set(json.loads(path.read_bytes())["members"].values())
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return set()
