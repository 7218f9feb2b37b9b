"""Where the network's weights lie. To import it takes the standard library only."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from loki_core.errors import InputError
from loki_core.files import replacing_folder

__all__ = ["PRESET_LABELS", "find_loki", "lacking_loki", "own_place", "put_loki"]

PRESET_LABELS: Mapping[str, str] = MappingProxyType({"mini": "mini, 64 px", "sd21": "sd21, 512 px"})
_SHIPPED = Path(__file__).parents[3] / "presets" / "loki"
_INDEX = "model_index.json"


def own_place(preset: str) -> Path:
    """Where the user's own weights of a preset go: `launch.py weights loki --put` writes there."""
    from loki_core.weights import weights_folder  # not the standard library alone

    return weights_folder() / "loki" / preset


def find_loki(preset: str) -> Path | None:
    """The folder with the weights of a preset: the user's own, else those that come with the project; None without any."""
    return next((place for place in (own_place(preset), _SHIPPED / preset) if (place / _INDEX).is_file()), None)


def put_loki(folder: Path, preset: str) -> Path:
    """Copy a folder of weights to its place, whole or not at all; what was there before goes. Returns the place.

    Raises `InputError` for a preset that is none.
    """
    if preset not in PRESET_LABELS:
        raise InputError(f"expected weights of one of the presets {', '.join(PRESET_LABELS)}, got those of '{preset:.40}'")
    place = own_place(preset)
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing_folder(place.with_name(f"{preset}.new")) as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    return place.with_name(f"{preset}.new").rename(place)


def lacking_loki(values: Mapping[str, object]) -> str | None:
    """What is missing for settings of the renderer, and what to do about it; None: nothing."""
    preset = str(values["preset"])
    if find_loki(preset) is not None:
        return None
    way_out = (
        "train some with 'launch.py train' and put them there with 'launch.py weights loki --put FOLDER'"
        if preset == "mini"
        else "none are published; put your own there with 'launch.py weights loki --put FOLDER', or use the preset mini"
    )
    return f"expected weights of the preset {preset} in '{own_place(preset)}', found none; {way_out}"
