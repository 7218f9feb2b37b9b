"""Numbered PNG pictures, with the sound beside them as WAV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import UInt8
from moviepy.audio.AudioClip import AudioClip

from loki_core.errors import InputError
from loki_core.files import replacing_folder
from loki_core.media.picture import write_picture

__all__ = ["PngWriter", "png_folder_writer", "png_pattern_writer"]

_NUMBER = re.compile(r"%(0\d+)?d")


class PngWriter:
    """Writes frame k (from 0) as `pattern % k`."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self._folder, self._pattern = folder, pattern
        self._count = 0

    def write(self, frame: UInt8[np.ndarray, "H W C"]) -> None:
        write_picture(self._folder / (self._pattern % self._count), frame)
        self._count += 1


@contextmanager
def png_folder_writer(path: Path, *, sound: AudioClip | None, pattern: str = "frame_%05d.png") -> Iterator[PngWriter]:
    """Open a writer of a folder that appears when the block ends well; `path` must be new or an empty folder."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"expected a new or an empty folder, got {path.name}, which holds something; choose another name")
    with replacing_folder(path) as folder:
        yield PngWriter(folder, pattern)
        if sound is not None:
            _write_sound(folder / _sound_name(pattern), sound)


@contextmanager
def png_pattern_writer(path: Path, *, sound: AudioClip | None) -> Iterator[PngWriter]:
    """Open a writer of pictures named like `shot_%04d.png`, which replace others of those names when the block ends well."""
    if len(_NUMBER.findall(path.name)) != 1 or path.name.count("%") != 1:
        raise InputError(f"expected a name with one number, such as frame_%04d.png, got {path.name}; or give a folder")
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.stem[:40]}.") as folder:
        yield PngWriter(Path(folder), path.name)
        if sound is not None:
            _write_sound(Path(folder) / _sound_name(path.name), sound)
        for file in Path(folder).iterdir():
            file.replace(path.parent / file.name)


def _sound_name(pattern: str) -> str:
    """shot_%04d.png -> shot.wav, and sound.wav where nothing else is left."""
    return (_NUMBER.split(pattern)[0].rstrip("_-. ") or "sound") + ".wav"


def _write_sound(file: Path, sound: AudioClip) -> None:
    sound.write_audiofile(str(file), codec="pcm_s16le", logger=None)
