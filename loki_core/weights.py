"""Where weights that do not come with the project lie, and how a file is put there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from platformdirs import user_cache_path

from loki_core.errors import InputError
from loki_core.files import replacing

__all__ = ["find_weights", "put_weights", "weights_folder"]


def weights_folder() -> Path:
    """The environment's LOKI_WEIGHTS where it is set, else loki-studio/weights in the user's cache."""
    if chosen := os.environ.get("LOKI_WEIGHTS"):
        return Path(chosen).expanduser()
    return user_cache_path("loki-studio") / "weights"


def find_weights(stem: str, folder: Path) -> Path | None:
    """`stem`.pt or `stem`.safetensors in the folder, the first that is there; None without one."""
    return next((path for path in _places(stem, folder) if path.is_file()), None)


def put_weights(file: Path, stem: str, folder: Path) -> Path:
    """Copy a file to its place, whole or not at all; one of the other kind is removed then. Returns the place.

    Raises `InputError` for a file of neither kind.
    """
    place = folder / f"{stem}{file.suffix.lower()}"
    if place not in _places(stem, folder):
        raise InputError(f"expected a .pt or .safetensors file, got '{file.name}'; give it the ending of its kind")
    folder.mkdir(parents=True, exist_ok=True)
    with file.open("rb") as source, replacing(place) as target:
        shutil.copyfileobj(source, target)
    for other in _places(stem, folder):
        if other != place:
            other.unlink(missing_ok=True)
    return place


def _places(stem: str, folder: Path) -> tuple[Path, Path]:
    return folder / f"{stem}.pt", folder / f"{stem}.safetensors"
