"""Motions as npz files: plain numbers, no pickle, checked before they are read."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.model import HeadId, HeadModel
from loki_core.motion.clip import Motion
from loki_core.raster.camera import Camera

__all__ = ["load_motion", "save_motion"]

_TENSORS: Mapping[str, tuple[int | str, ...]] = {
    "betas": ("S",),
    "expression": ("T", "E"),
    "global_orient": ("T", 3),
    "neck_pose": ("T", 3),
    "jaw_pose": ("T", 3),
    "eye_pose": ("T", 2, 3),
    "translation": ("T", 3),
    "confidence": ("T",),
}
"""Shape of each field of `Motion` that is stored as float32."""

_MEMBERS: Mapping[str, tuple[str, tuple[int | str, ...]]] = {
    **{name: ("f", shape) for name, shape in _TENSORS.items()},
    "fps": ("iu", (2,)),
    "head": ("U", (2,)),
    "camera": ("f", (5,)),
}
"""Kinds of numpy dtype and shape of each array of the file; `camera` may be missing."""

_MAX_BYTES = 1 << 28
"""Largest array read, uncompressed: 256 MiB, ten hours of 50 frames a second on a head of 30 coefficients."""


def save_motion(path: Path, motion: Motion) -> None:
    """Write `motion` to `path` whole or not at all.

    `fps` is numerator and denominator, `head` its name and hash, `camera` focal, cx, cy, width, height (absent when None).
    """
    arrays = {name: getattr(motion, name).detach().cpu().numpy().astype(np.float32) for name in _TENSORS}
    arrays["fps"] = np.array(motion.fps.as_integer_ratio(), np.int64)
    arrays["head"] = np.array([motion.head.name, motion.head.hash])
    if motion.camera is not None:
        c = motion.camera
        arrays["camera"] = np.array([c.focal, c.cx, c.cy, c.width, c.height], np.float64)
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)


def load_motion(path: Path, head: HeadModel | None) -> Motion:
    """Read a motion that `save_motion` or anyone else wrote. `head` None accepts any head.

    Raises `InputError` for a file that is damaged, hostile or made for another head.
    """
    arrays = _read_arrays(path)
    _check_numbers(path, arrays)
    name, digest = (str(text) for text in arrays["head"])
    if head is not None and HeadId(name, digest) != head.id:
        raise InputError(
            f"{path.name}: expected a motion for the head '{head.name}' ({head.hash}), got one for '{name}' ({digest}); "
            "open it with its own head and convert it through the named controls"
        )
    camera = arrays.get("camera")
    return Motion(
        **{field: torch.from_numpy(arrays[field].astype(np.float32)) for field in _TENSORS},
        fps=Fraction(int(arrays["fps"][0]), int(arrays["fps"][1])),
        head=HeadId(name, digest),
        camera=None if camera is None else Camera(*camera[:3].tolist(), *map(int, camera[3:])),
    )


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            present = set(archive.namelist())
            missing = [name for name in _MEMBERS if f"{name}.npy" not in present and name != "camera"]
            if missing:
                raise InputError(f"{path.name}: expected a motion, found no {', '.join(missing)}; save it again from its source")
            sizes: dict[str, int] = {}
            return {name: _read_member(path, archive, name, sizes) for name in _MEMBERS if f"{name}.npy" in present}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as exc:
        raise InputError(f"{path.name}: expected a motion npz, got a damaged or foreign file ({exc}); save it again") from exc


def _read_member(path: Path, archive: zipfile.ZipFile, name: str, sizes: dict[str, int]) -> np.ndarray:
    """One array; its header is judged before its data is touched. `sizes` binds the letters T, E and S across arrays."""
    kinds, shape = _MEMBERS[name]
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{path.name}: '{name}' is packed in a way that numpy does not write; save the motion again")
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
    except ValueError as exc:
        raise InputError(f"{path.name}: '{name}' is damaged ({exc}); save the motion again") from exc


def _bind(path: Path, name: str, expected: tuple[int | str, ...], found: tuple[int, ...], sizes: dict[str, int]) -> None:
    fits = len(found) == len(expected)
    for want, got in zip(expected, found, strict=True) if fits else ():
        fits &= got == (sizes.setdefault(want, got) if isinstance(want, str) else want)
    if not fits or sizes.get("T") == 0:
        wanted = ", ".join(f"{w}={sizes[w]}" if w in sizes else str(w) for w in map(str, expected))
        raise InputError(f"{path.name}: expected shape ({wanted}) for '{name}', got {found}; save the motion again")


def _check_numbers(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not (np.abs(array) <= np.finfo(np.float32).max).all():
            raise InputError(f"{path.name}: '{name}' holds numbers that are not finite; save the motion again")
    if arrays["fps"].min() < 1:
        raise InputError(f"{path.name}: expected a positive frame rate, got {arrays['fps'].tolist()}; save the motion again")
    if not ((arrays["confidence"] >= 0) & (arrays["confidence"] <= 1)).all():
        raise InputError(f"{path.name}: expected confidence from 0 to 1; save the motion again")
    camera = arrays.get("camera")
    if camera is not None and not (camera[[0, 3, 4]] > 0).all():
        raise InputError(f"{path.name}: expected a camera with positive focal length and size, got {camera.tolist()}")
