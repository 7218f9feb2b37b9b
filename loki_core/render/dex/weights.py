"""Whether the `dex` renderer has weights. To import it takes the standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loki_core.render.diffused.weights import find_folder, own_place

__all__ = ["DEX_PRESET", "find_dex", "lacking_dex"]

DEX_PRESET = "mini"
"""The only one that can be trained here."""
_MAPPING = Path("mapping") / "mapping.json"


def find_dex() -> Path | None:
    """The folder with the weights, as `find_folder` has it."""
    return find_folder("dex", DEX_PRESET)


def lacking_dex(values: Mapping[str, object]) -> str | None:
    """What is missing for settings of the renderer, and what to do about it; None: nothing."""
    folder = find_dex()
    if folder is None:
        return (
            f"expected weights of DeX-Portrait in '{own_place('dex', DEX_PRESET)}', found none; train some with "
            "'launch.py train --preset dex-mini' and put them there with 'launch.py weights dex --put FOLDER'"
        )
    if values["told"] == "coefficients" and not (folder / _MAPPING).is_file():
        return (
            f"expected a mapping of coefficients in '{folder}', found none; fit one with 'launch.py train --preset "
            f"dex-mapping-mini --network {folder}', or let the warped portrait tell the network of motion"
        )
    return None
