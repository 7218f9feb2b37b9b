"""What every reader of media asks of a file before it opens it."""

from __future__ import annotations

import os
from pathlib import Path

from loki_core.errors import InputError

__all__ = ["require_file"]


def require_file(path: str | os.PathLike[str], kind: str) -> Path:
    """Return the absolute path of a readable, non-empty, regular file; `kind` names what is expected ("a picture").

    An absolute path is never taken for an address (`http:`) or a pipe by the libraries that open it.
    """
    file = Path(path).absolute()
    if file.is_dir():
        raise InputError(f"expected {kind}, got the folder {file.name}; give a file inside it")
    if not file.exists():
        raise InputError(f"expected {kind}, got {file.name}, which does not exist; check the path")
    if not file.is_file():
        raise InputError(f"expected {kind}, got {file.name}, which is a device or a pipe; save it as a file first")
    if not os.access(file, os.R_OK):
        raise InputError(f"expected {kind}, got {file.name}, which may not be read; change its permissions")
    if file.stat().st_size == 0:
        raise InputError(f"expected {kind}, got {file.name}, which is empty (0 bytes); export or copy it again")
    return file
