"""Motion files of every kind that is read and written, by their ending."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.head.units import UnitBasis
from loki_core.motion.clip import Motion
from loki_core.motion.formats.flame_npz import read_fit, read_flame_param
from loki_core.motion.formats.gltf import read_gltf_weights, write_gltf
from loki_core.motion.formats.live_link import read_live_link, write_live_link
from loki_core.motion.npz import load_motion, save_motion

__all__ = ["MOTION_ENDINGS", "is_motion_file", "read_motion", "write_motion"]

MOTION_ENDINGS = (".npz", ".csv", ".glb")
"""Coefficients (this project's, or `flame_param.npz` and `fit.npz`); Live Link Face; glTF with keys on ARKit's units."""


def is_motion_file(path: Path) -> bool:
    """Whether the ending says so."""
    return path.suffix.lower() in MOTION_ENDINGS


def read_motion(path: Path, head: HeadModel, units: UnitBasis, *, fps: Fraction | None = None) -> Motion:
    """Read a motion onto `head`. `fps` is for files that do not say theirs. Raises `InputError` with the reason."""
    ending = path.suffix.lower()
    if ending == ".csv":
        return read_live_link(path, head, units, fps=fps)
    if ending == ".glb":
        return read_gltf_weights(path, head, units, fps=fps)
    if ending != ".npz":
        raise InputError(f"expected a motion file ({', '.join(MOTION_ENDINGS)}), got '{path.name}'")
    names = _array_names(path)
    if {"expr", "eyes_pose"} <= names:
        return read_flame_param(path, head, fps=fps)
    if {"expr", "tra"} <= names:
        return read_fit(path, head, units, fps=fps)
    return load_motion(path, head)


def write_motion(path: Path, motion: Motion, head: HeadModel, units: UnitBasis) -> None:
    """Write a motion of `head` as its ending says, whole or not at all."""
    ending = path.suffix.lower()
    if ending == ".csv":
        write_live_link(path, motion, head, units)
    elif ending == ".glb":
        write_gltf(path, motion, head)
    elif ending == ".npz":
        save_motion(path, motion)
    else:
        raise InputError(f"expected a motion file ({', '.join(MOTION_ENDINGS)}), got '{path.name}'")


def _array_names(path: Path) -> set[str]:
    """Names of a file's arrays; none where it is damaged, which its reader then says."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError):
        return set()
