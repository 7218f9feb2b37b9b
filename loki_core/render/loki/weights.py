"""Which presets the `loki` renderer has weights of. To import it takes the standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from loki_core.render.diffused.weights import find_folder, own_place

__all__ = ["PRESET_LABELS", "find_loki", "lacking_loki"]

PRESET_LABELS: Mapping[str, str] = MappingProxyType({"mini": "mini, 64 px", "sd21": "sd21, 512 px"})


def find_loki(preset: str) -> Path | None:
    """The folder with the weights of a preset, as `find_folder` has it."""
    return find_folder("loki", preset)


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
    return f"expected weights of the preset {preset} in '{own_place('loki', preset)}', found none; {way_out}"
