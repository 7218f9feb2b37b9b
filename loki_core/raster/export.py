"""Driver maps as files: npz for programs, OpenEXR for compositors, PNG for eyes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
import OpenEXR
from jaxtyping import Bool
from numpy.lib import format as npy
from PIL import Image
from torch import Tensor

from loki_core.files import replacing, replacing_folder
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, clip_from_camera
from loki_core.raster.driver_map import CHANNEL_NAMES, DriverMap, driver_map
from loki_core.raster.figure import draw_figure, tone
from loki_core.raster.kernels import CHANNELS
from loki_core.raster.rasterize import rasterize

__all__ = ["MAP_FORMATS", "MapFormat", "write_map"]

MapFormat = Literal["png", "exr", "npz"]
MAP_FORMATS: tuple[MapFormat, ...] = ("png", "exr", "npz")

Progress = Callable[[int, int], None]
"""Called as (done, total) frames."""

_DEFLATE_LEVEL = 1
"""Higher levels take several times as long for little: the maps are noise to a byte compressor, and zeros."""
_DELTA_REACH = 2.0
"""Units of the deformation channels that are white in a PNG."""


def write_map(
    path: Path,
    head: HeadModel,
    params: FlameParams,
    camera: Camera,
    crop: CropBox,
    *,
    size: tuple[int, int],
    form: MapFormat,
    progress: Progress | None = None,
) -> None:
    """Draw the driver map of `crop` for every frame (batch shape (T,)) and write it frame by frame: memory stays flat.

    `npz`: the file `path` with `driver_map` (T, 45, H, W) float16 and `mask` (T, H, W) bool. `exr`: the file `path` for one
    frame, a folder of numbered files for more; half floats, channels `sin0.x` to `cos6.z`, `delta.x` and so on, and `mask`.
    `png`: a folder with a grey picture a channel (-1 black, 1 white; deformation over twice its unit), in numbered folders for
    more than one frame.
    The first frame as one picture (`draw_figure`) goes beside the file or folder as `NAME-figure.png`.

    Files are replaced whole; a folder must be new or empty.
    """
    frames = _Frames(head, params, camera, crop, size)
    writers: dict[MapFormat, Callable[[Path, _Frames, Progress], None]] = {
        "npz": _write_npz,
        "exr": _write_exr,
        "png": _write_png,
    }
    writers[form](path, frames, progress or (lambda done, total: None))
    with replacing(path.with_name(f"{path.stem}-figure.png")) as file:
        Image.fromarray(draw_figure(frames.draw(0))).save(file, "png")


@dataclass(frozen=True, eq=False)
class _Frames:
    """The maps of a motion, drawn when they are asked for."""

    head: HeadModel
    params: FlameParams
    camera: Camera
    crop: CropBox
    size: tuple[int, int]

    @property
    def count(self) -> int:
        return self.params.batch_shape[0]

    def draw(self, index: int) -> DriverMap:
        return driver_map(self.head, self.params[index], self.camera, self.crop, size=self.size)

    def mask(self, index: int) -> Bool[Tensor, "H W"]:
        clip = clip_from_camera(self.camera, self.crop, pose_vertices(self.head, self.params[index]))
        return rasterize(clip, self.head.faces, size=self.size).mask


def _write_npz(path: Path, frames: _Frames, progress: Progress) -> None:
    """A zip holds one member after the other, so the masks are drawn a second time: cheaper than keeping them."""
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_DEFLATE_LEVEL) as archive:
        with _member(archive, "driver_map", (frames.count, CHANNELS, *frames.size), "<f2") as member:
            for index in range(frames.count):
                member.write(frames.draw(index).map.cpu().numpy().tobytes())
                progress(index + 1, frames.count)
        with _member(archive, "mask", (frames.count, *frames.size), "|b1") as member:
            for index in range(frames.count):
                member.write(frames.mask(index).cpu().numpy().tobytes())


@contextmanager
def _member(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], descr: str) -> Iterator[IO[bytes]]:
    """Open an array of the npz, ready for its values in C order."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        npy.write_array_header_1_0(member, {"descr": descr, "fortran_order": False, "shape": shape})
        yield member


def _write_exr(path: Path, frames: _Frames, progress: Progress) -> None:
    if frames.count == 1:
        with replacing(path) as file:
            _exr(frames.draw(0)).write(file)
        progress(1, 1)
        return
    with replacing_folder(path) as folder:
        for index in range(frames.count):
            _exr(frames.draw(index)).write(str(folder / f"frame_{index:05d}.exr"))
            progress(index + 1, frames.count)


def _exr(result: DriverMap) -> OpenEXR.File:
    """All channels of one frame; `sin0.x`, `sin0.y` and `sin0.z` make one layer in compositors."""
    planes = result.map.cpu().numpy()
    channels = {_short_name(name): planes[index] for index, name in enumerate(CHANNEL_NAMES)}
    channels["mask"] = result.mask.cpu().numpy().astype(np.float16)
    return OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, channels)


def _write_png(path: Path, frames: _Frames, progress: Progress) -> None:
    with replacing_folder(path) as folder:
        for index in range(frames.count):
            inner = folder if frames.count == 1 else folder / f"frame_{index:05d}"
            inner.mkdir(exist_ok=True)
            _write_channels(inner, frames.draw(index))
            progress(index + 1, frames.count)


def _write_channels(folder: Path, result: DriverMap) -> None:
    planes = result.map.float().cpu().numpy()
    planes[-3:] /= _DELTA_REACH
    for index, name in enumerate(CHANNEL_NAMES):
        Image.fromarray(tone(planes[index])).save(folder / f"{index:02d}-{_short_name(name)}.png")
    Image.fromarray(result.mask.cpu().numpy()).save(folder / "mask.png")


def _short_name(name: str) -> str:
    """`sin 2^3 x` as `sin3.x`, `delta x` as `delta.x`."""
    first, *_, axis = name.split()
    octave = name.partition("^")[2][:1]
    return f"{first}{octave}.{axis}"
