"""A folder of files that are named by their content, so that what many snapshots need lies there once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from pathlib import Path

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.project.contents import StoredFile

__all__ = ["ContentStore"]

_KEY = re.compile(r"[0-9a-f]{64}")


class ContentStore:
    """Files named by their SHA-256 in one folder, which is made when something is put there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Keep some bytes; their key."""
        return self.put_file(StoredFile(content, ""))

    def put_file(self, file: StoredFile) -> str:
        """Keep a file's bytes; their key, which the file knows once it has been asked."""
        path = self._folder / file.sha256
        if not path.is_file() or path.stat().st_size != len(file.content):
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as target:
                target.write(file.content)
        return file.sha256

    def get(self, key: str) -> bytes:
        """The bytes of a key. Raises `InputError` where they are gone or are others by now."""
        path = self._folder / key
        if not _KEY.fullmatch(key) or not path.is_file():
            raise InputError(f"expected the file {key:.16} beside the snapshot, found none; use another snapshot")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != key:
            raise InputError(f"expected the file {key:.16} as it was saved, got a damaged one; use another snapshot")
        return content

    def keep_only(self, keys: Container[str]) -> None:
        """Remove everything else, also what a killed writer left half done."""
        for path in self._folder.glob("*"):
            if path.name not in keys:
                path.unlink(missing_ok=True)
