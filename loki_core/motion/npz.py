"""Motions as npz files: plain numbers, no pickle, checked before they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.model import HeadModel
from loki_core.motion.clip import Motion
from loki_core.motion.formats.marks import MARKS, check_head, mark, read_confidence, read_fps, read_head
from loki_core.motion.formats.npz_arrays import NpzLayout, read_npz
from loki_core.raster.camera import Camera

__all__ = ["MOTION_TENSORS", "load_motion", "save_motion"]

MOTION_TENSORS: Mapping[str, tuple[int | str, ...]] = {
    "betas": ("S",),
    "expression": ("T", "E"),
    "global_orient": ("T", 3),
    "neck_pose": ("T", 3),
    "jaw_pose": ("T", 3),
    "eye_pose": ("T", 2, 3),
    "translation": ("T", 3),
}
"""Shape of each field of `Motion` that is stored as float32 as it is."""

_LAYOUT = NpzLayout(
    "a motion",
    {**{name: ("f", shape) for name, shape in MOTION_TENSORS.items()}, **MARKS, "camera": ("f", (5,))},
    optional=frozenset({"camera"}),
)


def save_motion(path: Path, motion: Motion) -> None:
    """Write `motion` to `path` whole or not at all.

    `fps` is numerator and denominator, `head` its name and hash, `camera` focal, cx, cy, width, height (absent when None).
    """
    arrays = {name: getattr(motion, name).detach().cpu().numpy().astype(np.float32) for name in MOTION_TENSORS}
    arrays |= mark(motion)
    if motion.camera is not None:
        c = motion.camera
        arrays["camera"] = np.array([c.focal, c.cx, c.cy, c.width, c.height], np.float64)
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)


def load_motion(path: Path, head: HeadModel | None) -> Motion:
    """Read a motion that `save_motion` or anyone else wrote. `head` None accepts any head.

    Raises `InputError` for a file that is damaged, hostile or made for another head.
    """
    arrays = read_npz(path, _LAYOUT)
    fps, confidence, found = read_fps(path, arrays), read_confidence(path, arrays), read_head(arrays)
    if head is not None:
        check_head(path, found, head)
    return Motion(
        **{field: torch.from_numpy(arrays[field].astype(np.float32)) for field in MOTION_TENSORS},
        confidence=torch.from_numpy(confidence),
        fps=fps,
        head=found,
        camera=_camera(path, arrays["camera"]) if "camera" in arrays else None,
    )


def _camera(path: Path, numbers: np.ndarray) -> Camera:
    if not (numbers[[0, 3, 4]] > 0).all():
        raise InputError(f"{path.name}: expected a camera with positive focal length and size, got {numbers.tolist()}")
    return Camera(*numbers[:3].tolist(), *map(int, numbers[3:]))
