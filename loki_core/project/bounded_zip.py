"""Zips that others wrote, read into memory: no name in them reaches the disk, and no size in them is believed."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from io import BytesIO

from loki_core.errors import InputError

__all__ = ["read_zip"]

_MOST_MEMBERS = 2000
_MOST_DIRECTORY = 1 << 20
"""Bytes of the table of members."""
_END = struct.Struct("<4s4H2LH")
"""The record that ends a zip (APPNOTE 4.3.16)."""
_LOCATOR = 20
"""Bytes of the record of a zip64 that would lie before it."""
_PIECE = 1 << 20
_DAMAGED = (
    zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error, OSError, ValueError, struct.error, IndexError,
    OverflowError,
)  # fmt: skip
"""What `zipfile` raises at damaged data."""


def read_zip(data: bytes, where: str, *, most_bytes: int) -> dict[str, bytes]:
    """The contents of all members by name, in their order, checked against their CRC.

    Raises `InputError` for a damaged zip, for one whose members would take more than `most_bytes` together, and for members
    that are folders, links, there twice, or packed in another way than stored or deflated.
    """
    _check_end(data, where)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members: dict[str, bytes] = {}
            for info in archive.infolist():
                _check_member(info, members, where)
                members[info.filename] = _read(archive, info, most_bytes - sum(map(len, members.values())), where)
            return members
    except InputError:
        raise
    except _DAMAGED as exc:
        raise InputError(f"{where}: expected a zip, got a damaged or foreign file ({exc}); use another copy") from exc


def _check_end(data: bytes, where: str) -> None:
    """Before `zipfile` builds a table of all members: that this table is small."""
    if len(data) < _END.size:
        raise InputError(f"{where}: expected a zip, got {len(data)} bytes; use another copy")
    mark, disk, first_disk, here, members, directory, _, comment = _END.unpack(data[-_END.size :])
    if mark != b"PK\5\6" or comment or disk or first_disk or here != members:
        raise InputError(f"{where}: expected a zip that ends with its table, got another or a cut file; use another copy")
    if data[-_END.size - _LOCATOR :].startswith(b"PK\6\7"):
        raise InputError(f"{where}: expected a plain zip, got a zip64; save it again from the studio")
    if members > _MOST_MEMBERS or directory > _MOST_DIRECTORY:
        raise InputError(f"{where}: expected at most {_MOST_MEMBERS} members, got {members} ({directory} bytes of names)")


def _check_member(info: zipfile.ZipInfo, before: dict[str, bytes], where: str) -> None:
    name = f"{info.filename!r:.80}"
    if info.filename in before:
        raise InputError(f"{where}: expected each member once, got {name} twice; save it again from the studio")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or info.is_dir():
        raise InputError(f"{where}: expected files only, got {name}, which is a link or a folder; save it again from the studio")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{where}: expected {name} stored or deflated; save it again from the studio")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int, where: str) -> bytes:
    content = bytearray()
    with archive.open(info) as file:
        while piece := file.read(_PIECE):
            content += piece
            if len(content) > left:
                raise InputError(f"{where}: {info.filename!r:.80} unpacks to more than is read; it is no project of the studio")
    return bytes(content)
