"""Where networks' weights lie, a folder for each preset of a system. To import it takes the standard library only."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from loki_core.errors import InputError
from loki_core.files import replacing_folder

__all__ = ["find_folder", "own_place", "put_folder"]

_SHIPPED = Path(__file__).parents[3] / "presets"
_INDEX = "model_index.json"


def own_place(system: str, preset: str) -> Path:
    """Where the user's own weights of a preset go: `launch.py weights SYSTEM --put` writes there."""
    from loki_core.weights import weights_folder  # not the standard library alone

    return weights_folder() / system / preset


def find_folder(system: str, preset: str) -> Path | None:
    """The folder with the weights of a preset: the user's own, else those that come with the project; None without any."""
    places = (own_place(system, preset), _SHIPPED / system / preset)
    return next((place for place in places if (place / _INDEX).is_file()), None)


def put_folder(system: str, folder: Path, preset: str, presets: Iterable[str]) -> Path:
    """Copy a folder of weights to its place, whole or not at all; what was there before goes. Returns the place.

    Raises `InputError` for a preset that is none of `presets`.
    """
    known = tuple(presets)
    if preset not in known:
        raise InputError(f"expected weights of one of the presets {', '.join(known)}, got those of '{preset:.40}'")
    place = own_place(system, preset)
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing_folder(place.with_name(f"{preset}.new")) as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    return place.with_name(f"{preset}.new").rename(place)
