"""A project carried inside the picture or the video that it made. Players and viewers skip it.

PNG: a private ancillary chunk `loKi` before the end (W3C PNG 5.4). mp4: a last top-level `uuid` box (ISO/IEC 14496-12, 4.2).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.media.checks import require_file
from loki_core.project.document import MOST_BYTES

__all__ = ["embed_project", "extract_project"]

_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNK = b"loKi"
_UUID = UUID("6c6f6b69-7374-8f64-896f-70726f6a6563").bytes
"""Of this project alone: version 8, which means no more than that (RFC 9562, 5.8)."""
_MOST_PARTS = 1_000_000
"""Chunks or boxes; a picture of 64 million pixels has some ten thousand."""
_KIND = "a PNG or an mp4"


@dataclass(frozen=True)
class _Part:
    """A chunk or a box."""

    kind: bytes
    start: int
    """Of its head, bytes from the start of the file."""
    content: int
    """Where its content starts."""
    end: int
    """Of its content."""


def embed_project(path: Path, project: bytes) -> None:
    """Put the bytes of a project into a PNG or an mp4, in the place of one that is there; whole or not at all.

    Raises `InputError` for another file, and for one that is damaged.
    """
    if len(project) > MOST_BYTES:
        raise InputError(f"expected a project of at most {MOST_BYTES >> 20} MiB, got {len(project) >> 20} MiB; remove a clip")
    file = require_file(path, _KIND)
    with file.open("rb") as source:
        parts, is_png = _parts(source, file)
        with replacing(file) as target:
            (_embed_in_png if is_png else _embed_in_mp4)(source, target, parts, project, file.name)


def extract_project(path: Path) -> bytes | None:
    """The bytes that `embed_project` put in; None without any.

    Raises `InputError` for another file, for one that is damaged, and for a project that is too large.
    """
    file = require_file(path, _KIND)
    with file.open("rb") as source:
        parts, is_png = _parts(source, file)
        return (_extract_from_png if is_png else _extract_from_mp4)(source, parts, file.name)


def _parts(source: BinaryIO, file: Path) -> tuple[list[_Part], bool]:
    """All chunks or boxes, and whether the file is a PNG."""
    size, start = file.stat().st_size, source.read(8)
    if start == _PNG:
        return list(_walk(source, 8, size, _chunk, file.name)), True
    if start[4:] == b"ftyp":
        return list(_walk(source, 0, size, _box, file.name)), False
    raise InputError(f"expected {_KIND}, got {file.name}, which is neither; choose a picture or a video of the studio")


def _walk(
    source: BinaryIO, start: int, size: int, read: Callable[[BinaryIO, int, int], tuple[_Part, int] | None], name: str
) -> Iterator[_Part]:
    """Part after part; `read` gives the one at a place and where the next begins, None where the head is cut off."""
    for _ in range(_MOST_PARTS):
        found = read(source, start, size)
        if found is None or found[1] > size or found[1] <= start:
            raise InputError(f"{name}: expected {_KIND}, got a damaged or cut one; export or copy it again")
        yield found[0]
        start = found[1]
        if start == size or found[0].kind == b"IEND":
            return
    raise InputError(f"{name}: expected at most {_MOST_PARTS} parts, got more; it is no picture or video of the studio")


def _chunk(source: BinaryIO, start: int, size: int) -> tuple[_Part, int] | None:
    source.seek(start)
    head = source.read(8)
    if len(head) < 8:
        return None
    length, kind = struct.unpack(">I4s", head)
    return _Part(kind, start, start + 8, start + 8 + length), start + 12 + length


def _box(source: BinaryIO, start: int, size: int) -> tuple[_Part, int] | None:
    source.seek(start)
    head = source.read(32)
    if len(head) < 8:
        return None
    length, kind = struct.unpack(">I4s", head[:8])
    content = start + 8
    if length == 1:  # a 64-bit length follows
        if len(head) < 16:
            return None
        length, content = struct.unpack(">Q", head[8:16])[0], start + 16
    end = size if length == 0 else start + length
    if kind == b"uuid":
        content += 16
    return None if end < content else (_Part(kind, start, content, end), end)


def _embed_in_png(source: BinaryIO, target: BinaryIO, parts: list[_Part], project: bytes, name: str) -> None:
    if parts[-1].kind != b"IEND":
        raise InputError(f"{name}: expected a whole PNG, got one without an end; export or copy it again")
    target.write(_PNG)
    for part in parts:
        if part.kind == b"IEND":
            body = _CHUNK + project
            target.write(struct.pack(">I", len(project)) + body + struct.pack(">I", zlib.crc32(body)))
        if part.kind != _CHUNK:
            _copy(source, target, part.start, part.end + 4)


def _extract_from_png(source: BinaryIO, parts: list[_Part], name: str) -> bytes | None:
    own = [part for part in parts if part.kind == _CHUNK]
    if not own:
        return None
    content = _content(source, own[-1], name)
    if source.read(4) != struct.pack(">I", zlib.crc32(_CHUNK + content)):
        raise InputError(f"{name}: the project inside is damaged; use another copy of the picture")
    return content


def _embed_in_mp4(source: BinaryIO, target: BinaryIO, parts: list[_Part], project: bytes, name: str) -> None:
    last = parts[-1]
    end = last.start if _is_own(source, last) else last.end  # what lies before others must stay: tables count from the start
    source.seek(last.start)
    if source.read(4) == b"\0\0\0\0":
        raise InputError(f"{name}: expected boxes with a length, got a last one without; export the video again")
    _copy(source, target, 0, end)
    target.write(struct.pack(">I4s", 8 + len(_UUID) + len(project), b"uuid") + _UUID + project)


def _extract_from_mp4(source: BinaryIO, parts: list[_Part], name: str) -> bytes | None:
    own = [part for part in parts if _is_own(source, part)]
    return _content(source, own[-1], name) if own else None


def _is_own(source: BinaryIO, part: _Part) -> bool:
    if part.kind != b"uuid":
        return False
    source.seek(part.content - len(_UUID))
    return source.read(len(_UUID)) == _UUID


def _content(source: BinaryIO, part: _Part, name: str) -> bytes:
    if part.end - part.content > MOST_BYTES:
        raise InputError(f"{name}: expected a project of at most {MOST_BYTES >> 20} MiB inside; it is not read")
    source.seek(part.content)
    return source.read(part.end - part.content)


def _copy(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    left = end - start
    while left and (piece := source.read(min(left, 1 << 20))):
        target.write(piece)
        left -= len(piece)
