"""A project taken apart into its table of contents and the bytes of its files, and put together again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from loki_core.errors import InputError
from loki_core.motion.clip import Motion
from loki_core.motion.npz import load_motion
from loki_core.project.bounded_zip import read_zip
from loki_core.project.contents import Project, ProjectMotion, ProjectPortrait, ProjectSound, StoredFile
from loki_core.project.manifest import (
    Manifest,
    MotionEntry,
    PortraitEntry,
    SoundEntry,
    media_member,
    motion_member,
    portrait_member,
    sound_member,
)
from loki_core.project.migrate import VERSION
from loki_core.project.rules import check_neutral_frames

__all__ = ["pack", "unpack"]

_MOST_COEFFICIENTS = 1 << 29
"""Bytes of all motions, uncompressed: some ten hours on a head of 100 coefficients."""


def pack(project: Project) -> tuple[Manifest, dict[str, StoredFile]]:
    """The table of contents, and the files by the names that it gives them."""
    files: dict[str, StoredFile] = {}
    for key, portrait in project.portraits.items():
        files[portrait_member(key, portrait.picture.suffix)] = portrait.picture
    for key, motion in project.motions.items():
        if motion.coefficients is not None:
            files[motion_member(key)] = motion.coefficients
        if motion.media is not None:
            files[media_member(key, motion.media.suffix)] = motion.media
    for key, sound in project.sounds.items():
        files[sound_member(key, sound.file.suffix)] = sound.file
    manifest = Manifest(
        version=VERSION,
        title=project.title,
        head=project.head,
        state=project.state,
        portraits={key: PortraitEntry(p.name, p.picture.suffix, p.face) for key, p in project.portraits.items()},
        motions={key: _entry(motion) for key, motion in project.motions.items()},
        members={name: file.sha256 for name, file in files.items()},
        sounds={key: SoundEntry(sound.name, sound.file.suffix) for key, sound in project.sounds.items()},
    )
    return manifest, files


def unpack(manifest: Manifest, fetch: Callable[[str], bytes], where: str) -> Project:
    """The inverse of `pack`; `fetch` gives the bytes of a file by its name.

    Raises `InputError` where bytes are not those that the table names, and for motions that are damaged or of another head.
    """
    stored = {name: _checked(fetch(name), digest, f"{where}: {name}") for name, digest in manifest.members.items()}
    left, motions = _MOST_COEFFICIENTS, {}
    for key, entry in manifest.motions.items():
        if entry.preset is None:
            content, at = stored[motion_member(key)], f"{where}: {motion_member(key)}"
            left -= sum(map(len, read_zip(content, at, most_bytes=left).values()))
            source: Motion | str = _motion(content, manifest, at)
        else:
            source = entry.preset
        media = None if entry.media is None else StoredFile(stored[media_member(key, entry.media)], entry.media)
        motions[key] = ProjectMotion(entry.name, source, media)
    try:
        check_neutral_frames(manifest.state, {key: motion.source for key, motion in motions.items()})
    except InputError as exc:
        raise InputError(f"{where}: {exc}") from exc
    portraits = {
        key: ProjectPortrait(entry.name, StoredFile(stored[portrait_member(key, entry.suffix)], entry.suffix), entry.face)
        for key, entry in manifest.portraits.items()
    }
    sounds = {
        key: ProjectSound(entry.name, StoredFile(stored[sound_member(key, entry.suffix)], entry.suffix))
        for key, entry in manifest.sounds.items()
    }
    return Project(manifest.title, manifest.head, manifest.state, portraits, motions, sounds)


def _entry(motion: ProjectMotion) -> MotionEntry:
    preset = motion.source if isinstance(motion.source, str) else None
    return MotionEntry(motion.name, preset, None if motion.media is None else motion.media.suffix)


def _checked(content: bytes, digest: str, where: str) -> bytes:
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"{where}: expected the file that the project was saved with, got other bytes; use another copy")
    return content


def _motion(content: bytes, manifest: Manifest, where: str) -> Motion:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "motion.npz"
        path.write_bytes(content)
        try:
            motion = load_motion(path, None)
        except InputError as exc:
            raise InputError(f"{where}: {exc}") from exc
    if motion.head != manifest.head:
        raise InputError(
            f"{where}: expected a motion for the head '{manifest.head.name}' ({manifest.head.hash}), got one for "
            f"'{motion.head.name}' ({motion.head.hash}); convert it through the named controls"
        )
    return motion
