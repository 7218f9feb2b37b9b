"""Arrays out of npz files that others wrote: no pickle, and each header judged before its data is touched."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loki_core.errors import InputError

__all__ = ["NpzLayout", "read_npz"]

_MAX_BYTES = 1 << 28
"""Largest array read, uncompressed: 256 MiB, ten hours of 50 frames a second on a head of 30 coefficients."""


@dataclass(frozen=True)
class NpzLayout:
    """Which arrays a file must hold. Others are left alone."""

    content: str
    """In words, such as "a motion"."""
    members: Mapping[str, tuple[str, tuple[int | str, ...]]]
    """Kinds of numpy dtype and shape of each array; equal letters stand for equal sizes, and T for at least one frame."""
    optional: frozenset[str] = frozenset()
    """Members that may be missing."""


def read_npz(path: Path, layout: NpzLayout) -> dict[str, np.ndarray]:
    """The layout's arrays that are there. Raises `InputError` for a file that is damaged, hostile or of another layout, and for
    numbers that are not finite as float32."""
    try:
        with zipfile.ZipFile(path) as archive:
            present = set(archive.namelist())
            missing = [name for name in layout.members if f"{name}.npy" not in present and name not in layout.optional]
            if missing:
                raise InputError(
                    f"{path.name}: expected {layout.content}, found no {', '.join(missing)}; save it again from its source"
                )
            sizes: dict[str, int] = {}
            members = {name: spec for name, spec in layout.members.items() if f"{name}.npy" in present}
            arrays = {name: _read_member(path, archive, name, *spec, sizes) for name, spec in members.items()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as exc:
        raise InputError(
            f"{path.name}: expected {layout.content} as npz, got a damaged or foreign file ({exc}); save it again"
        ) from exc
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not (np.abs(array) <= np.finfo(np.float32).max).all():
            raise InputError(f"{path.name}: '{name}' holds numbers that are not finite; save it again")
    return arrays


def _read_member(
    path: Path, archive: zipfile.ZipFile, name: str, kinds: str, shape: tuple[int | str, ...], sizes: dict[str, int]
) -> np.ndarray:
    """One array; `sizes` binds the letters across arrays."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{path.name}: '{name}' is packed in a way that numpy does not write; save it again")
    try:
        with archive.open(info) as file:
            version = np.lib.format.read_magic(file)
            read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            found, _, dtype = read_header(file)
        if dtype.kind not in kinds:
            raise InputError(f"{path.name}: expected numbers in '{name}', got {dtype}; it is not read")
        _bind(path, name, shape, found, sizes)
        size = int(np.prod(found, dtype=object)) * dtype.itemsize
        if size > _MAX_BYTES or info.file_size > _MAX_BYTES + 4096:
            raise InputError(
                f"{path.name}: '{name}' would take {size >> 20} MiB, at most {_MAX_BYTES >> 20} are read; split the clip"
            )
        with archive.open(info) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except InputError:
        raise
    except (ValueError, OSError) as exc:  # OSError: the archive points before its own start
        raise InputError(f"{path.name}: '{name}' is damaged ({exc}); save it again") from exc


def _bind(path: Path, name: str, expected: tuple[int | str, ...], found: tuple[int, ...], sizes: dict[str, int]) -> None:
    fits = len(found) == len(expected)
    for want, got in zip(expected, found, strict=True) if fits else ():
        fits &= got == (sizes.setdefault(want, got) if isinstance(want, str) else want)
    if not fits or sizes.get("T") == 0:
        wanted = ", ".join(f"{w}={sizes[w]}" if w in sizes else str(w) for w in map(str, expected))
        raise InputError(f"{path.name}: expected shape ({wanted}) for '{name}', got {found}; save it again")
