"""Prepared scenes as npz files: pictures of one crop, mattes, and what the tracker found in them. No pickle."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.model import HeadModel
from loki_core.motion.clip import Motion
from loki_core.motion.formats.marks import MARKS, check_head, mark, read_confidence, read_fps, read_head
from loki_core.motion.formats.npz_arrays import NpzLayout, read_npz
from loki_core.motion.npz import MOTION_TENSORS
from loki_core.raster.camera import Camera, CropBox

__all__ = ["Shard", "load_shard", "save_shard"]

_LAYOUT = NpzLayout(
    "a prepared scene",
    {
        "pictures": ("u", ("T", "H", "W", 3)),
        "mattes": ("u", ("T", "H", "W")),
        "sharpness": ("f", ("T",)),
        **{name: ("f", shape) for name, shape in MOTION_TENSORS.items()},
        **MARKS,
        "camera": ("f", (5,)),
        "crop": ("f", (3,)),
    },
)


@dataclass(frozen=True, eq=False)
class Shard:
    """One scene of one person."""

    pictures: UInt8[np.ndarray, "T H W 3"]
    """The crop, sRGB."""
    mattes: UInt8[np.ndarray, "T H W"]
    """Share of a pixel that is the person's, 255 = all."""
    sharpness: Float[np.ndarray, "T"]
    """Variance of the Laplacian."""
    motion: Motion
    """As tracked in the whole picture; it has a camera."""
    crop: CropBox
    """In the pixels of that camera."""


def save_shard(path: Path, shard: Shard) -> None:
    """Write whole or not at all."""
    motion, camera = shard.motion, shard.motion.camera
    if camera is None:
        raise ValueError("expected a motion with a camera, got one without")
    arrays = {name: getattr(motion, name).detach().cpu().numpy().astype(np.float32) for name in MOTION_TENSORS}
    arrays |= mark(motion)
    arrays |= {"pictures": shard.pictures, "mattes": shard.mattes, "sharpness": shard.sharpness.astype(np.float32)}
    arrays["camera"] = np.array([camera.focal, camera.cx, camera.cy, camera.width, camera.height], np.float64)
    arrays["crop"] = np.array([shard.crop.cx, shard.crop.cy, shard.crop.half], np.float64)
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)


def load_shard(path: Path, head: HeadModel) -> Shard:
    """Read a scene. Raises `InputError` for a file that is damaged, hostile or made for another head."""
    if not path.is_file():
        raise InputError(f"expected the scene {path.name} in {path.parent.name}, found none; prepare the folder again")
    arrays = read_npz(path, _LAYOUT)
    check_head(path, read_head(arrays), head)
    if arrays["pictures"].dtype != np.uint8 or arrays["mattes"].dtype != np.uint8:
        raise InputError(f"{path.name}: expected pictures of bytes, got {arrays['pictures'].dtype}; prepare the folder again")
    camera, crop = arrays["camera"], arrays["crop"]
    if not (camera[[0, 3, 4]] > 0).all() or crop[2] <= 0:
        raise InputError(f"{path.name}: expected a camera and a crop of positive size, got {camera.tolist()}, {crop.tolist()}")
    motion = Motion(
        **{name: torch.from_numpy(arrays[name].astype(np.float32)) for name in MOTION_TENSORS},
        confidence=torch.from_numpy(read_confidence(path, arrays)),
        fps=Fraction(read_fps(path, arrays)),
        head=head.id,
        camera=Camera(float(camera[0]), float(camera[1]), float(camera[2]), int(camera[3]), int(camera[4])),
    )
    return Shard(arrays["pictures"], arrays["mattes"], arrays["sharpness"], motion, CropBox(*(float(c) for c in crop)))
