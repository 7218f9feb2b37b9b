"""A project as one file: a zip with `project.json` and the files that it names."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.model import HeadId
from loki_core.media.checks import require_file
from loki_core.project.bounded_zip import read_zip
from loki_core.project.contents import Project
from loki_core.project.manifest import check_same, read_manifest, write_manifest
from loki_core.project.members import pack, unpack

__all__ = ["MOST_BYTES", "project_from_bytes", "project_to_bytes", "read_project", "save_project"]

MOST_BYTES = 1 << 30
"""Of a project, packed or unpacked."""
_MANIFEST = "project.json"
_MOST_RATIO = 100
"""Unpacked to packed; a text that tells apart what it says stays far below."""
_SMALL = 1 << 24
"""Bytes up to which any ratio will do."""


def save_project(path: Path, project: Project) -> None:
    """Write a project whole or not at all. Raises `InputError` for one that could not be read again."""
    data = project_to_bytes(project)
    with replacing(path) as file:
        file.write(data)


def read_project(path: Path, head: HeadId) -> Project:
    """Read a project of the head that is in use. Raises `InputError` as `project_from_bytes`, and where there is no file."""
    file = require_file(path, "a project")
    if file.stat().st_size > MOST_BYTES:
        raise InputError(f"{file.name}: expected a project of at most {MOST_BYTES >> 20} MiB; it is not read")
    return project_from_bytes(file.read_bytes(), head, file.name)


def project_to_bytes(project: Project) -> bytes:
    """The file's bytes: the same for the same project. Raises `InputError` for a project that could not be read again."""
    manifest, files = pack(project)
    text = write_manifest(manifest)
    if (size := len(text) + sum(len(file.content) for file in files.values())) > MOST_BYTES:
        raise InputError(f"expected a project of at most {MOST_BYTES >> 20} MiB, got {size >> 20} MiB; remove a clip")
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _write(archive, _MANIFEST, text, zipfile.ZIP_DEFLATED)
        for name, file in files.items():  # pictures, clips and npz are compressed as they are
            _write(archive, name, file.content, zipfile.ZIP_STORED)
    return buffer.getvalue()


def project_from_bytes(data: bytes, head: HeadId, where: str) -> Project:
    """The inverse of `project_to_bytes`; `where` names the file in errors.

    Raises `InputError` for bytes that are damaged, hostile, of a newer version or for another head.
    """
    members = read_zip(data, where, most_bytes=min(MOST_BYTES, max(_SMALL, _MOST_RATIO * len(data))))
    if _MANIFEST not in members:
        raise InputError(f"{where}: expected a project of Loki Studio, got a zip without {_MANIFEST}; choose a .loki file")
    manifest = read_manifest(members.pop(_MANIFEST), head, where)
    check_same(manifest.members, members, where)
    return unpack(manifest, members.__getitem__, where)


def _write(archive: zipfile.ZipFile, name: str, content: bytes, compression: int) -> None:
    info = zipfile.ZipInfo(name)  # dated 1980: the same project gives the same bytes
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    archive.writestr(info, content, compression)
