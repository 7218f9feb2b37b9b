"""What a project holds: the state of the work, and the portraits and motions that the state names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from loki_core.head.model import HeadId
from loki_core.motion.clip import Motion
from loki_core.motion.npz import save_motion
from loki_core.timeline.state import StudioState

__all__ = ["Project", "ProjectMotion", "ProjectPortrait", "ProjectSound", "StoredFile"]


@dataclass(frozen=True)
class StoredFile:
    """A file as the user gave it, byte for byte."""

    content: bytes
    suffix: str
    """Its ending in small letters, with the dot."""

    @cached_property
    def sha256(self) -> str:
        """64 hex digits; counted once, since clips are long and are saved often."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class ProjectPortrait:
    """A picture, and which of its faces is meant."""

    name: str
    """As the user sees it."""
    picture: StoredFile
    face: int | None = None
    """From 1, from the left; None: the only one."""


@dataclass(frozen=True, eq=False)
class ProjectMotion:
    """A motion by its coefficients, or by the name of a preset."""

    name: str
    """As the user sees it."""
    source: Motion | str
    """A `str` is the name of a preset."""
    media: StoredFile | None = None
    """The clip that it was tracked from, for its sound."""

    @cached_property
    def coefficients(self) -> StoredFile | None:
        """The motion as npz, made once; None for a preset."""
        if isinstance(self.source, str):
            return None
        with TemporaryDirectory() as folder:
            path = Path(folder) / "motion.npz"
            save_motion(path, self.source)
            return StoredFile(path.read_bytes(), ".npz")


@dataclass(frozen=True)
class ProjectSound:
    """A sound that layers carry."""

    name: str
    """As the user sees it."""
    file: StoredFile


@dataclass(frozen=True, eq=False)
class Project:
    """A whole work. Keys are letters, digits, _ and -, at most 80; the order of the tables is kept."""

    title: str
    head: HeadId
    """The head that all motions and the state's numbers belong to."""
    state: StudioState
    portraits: Mapping[str, ProjectPortrait]
    motions: Mapping[str, ProjectMotion]
    sounds: Mapping[str, ProjectSound] = field(default_factory=dict)
