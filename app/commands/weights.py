"""`weights`: checkpoints that do not come with the studio: where they go, what may be done with them, whether they are whole."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from app.commands.material import existing
from app.commands.options import Subparsers, add_command
from loki_core.errors import InputError

__all__ = ["add", "run"]

_LIA_X, _LOKI, _DEX = "lia-x", "loki", "dex"
_SOURCE = "https://huggingface.co/YaohuiW/LIA-X, file lia-x.pt (910.57 million parameters)"
_LICENCE = (
    "Licence: the LIA-X weights belong to their authors, who allow research and evaluation only, no commercial use.\n"
    "They do not come with Loki Studio, and its own licence does not cover them. Read LICENSE.md of wyhsirius/LIA-X first."
)
_LOKI_LICENCE = (
    "Licence: weights that 'launch.py train' makes are yours. Those on Stable Diffusion 2.1 (preset sd21) stand under its\n"
    "CreativeML Open RAIL++-M licence as well, which forbids some uses; read it first."
)


_DEX_LICENCE = "Licence: weights that 'launch.py train' makes are yours."


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "weights",
        "Say where a checkpoint goes and under which licence it stands; check the one that is there.",
        example="python launch.py weights lia-x --put Downloads/lia-x.pt",
        run=run,
    )
    parser.add_argument("model", choices=tuple(_RUNS), metavar="MODEL", help=", ".join(_RUNS))
    parser.add_argument(
        "--put", type=Path, metavar="FILE", help=f"check this file (of {_LOKI} and {_DEX}: this folder) and copy it to its place"
    )


def run(arguments: argparse.Namespace) -> int:
    return _RUNS[arguments.model](arguments.put)


def _lia_x(put: Path | None) -> int:
    from loki_core.lia_x.checkpoint import load_generator
    from loki_core.weights import find_weights, put_weights, weights_folder

    folder = weights_folder()
    print(f"Looked for in: {folder} ({_LIA_X}.pt or {_LIA_X}.safetensors; LOKI_WEIGHTS names another folder)")
    print(f"To be had at:  {_SOURCE}")
    print(_LICENCE, flush=True)
    there = find_weights(_LIA_X, folder) if put is None else existing(put)
    if there is None:
        raise InputError(
            f"expected {_LIA_X}.pt in '{folder}', found none; download it and run: launch.py weights {_LIA_X} --put FILE"
        )
    generator = load_generator(there)
    if put is not None:
        there = put_weights(there, _LIA_X, folder)
    config = generator.config
    print(f"Checked: {there}")
    print(
        f"  {len(generator.state_dict())} tensors with the right names and shapes: scale {config.scale:g}, "
        f"{config.motion_dim} directions, {config.size}x{config.size}"
    )
    return 0


def _loki(put: Path | None) -> int:
    from loki_core.render.diffused.weights import own_place, put_folder
    from loki_core.render.loki.weights import PRESET_LABELS, find_loki, lacking_loki

    print(f"Looked for in: {own_place(_LOKI, 'PRESET')} (LOKI_WEIGHTS names another folder), then in presets/loki of the project")
    print("To be had:     mini comes with the project; of sd21 no weights are published")
    print(_LOKI_LICENCE, flush=True)
    if put is not None:
        _check_loki(put_folder(_LOKI, put, _check_loki(put), PRESET_LABELS))
        return 0
    found = [place for preset in PRESET_LABELS if (place := find_loki(preset)) is not None]
    if not found:
        raise InputError(str(lacking_loki({"preset": "mini"})))
    for place in found:
        _check_loki(place)
    return 0


def _check_loki(folder: Path) -> str:
    """Read the weights of a folder, say what they are, and return the name of their preset."""
    import torch

    from loki_core.diffusion.saved import read_pipeline
    from loki_core.head.embedded import embedded_head

    network = read_pipeline(folder, embedded_head().id, torch.float32).network
    config = network.loki
    print(f"Checked: {folder}")
    print(
        f"  {len(network.state_dict())} tensors with the right names and shapes: the network '{config.name}' of this head, "
        f"{config.image_size}x{config.image_size}, {config.frames} frames at once"
    )
    return config.name


def _dex(put: Path | None) -> int:
    from loki_core.render.dex.weights import DEX_PRESET, find_dex, lacking_dex
    from loki_core.render.diffused.weights import own_place, put_folder

    print(f"Looked for in: {own_place(_DEX, DEX_PRESET)} (LOKI_WEIGHTS names another folder), then in presets/dex of the project")
    print("To be had:     mini comes with the project")
    print(_DEX_LICENCE, flush=True)
    if put is not None:
        _check_dex(put)
        _check_dex(put_folder(_DEX, put, DEX_PRESET, (DEX_PRESET,)))
        return 0
    place = find_dex()
    if place is None:
        raise InputError(str(lacking_dex({})))
    _check_dex(place)
    return 0


def _check_dex(folder: Path) -> None:
    """Read the weights of a folder and their mapping, and say what they are."""
    from loki_core.dex.mapping import MAPPING_FOLDER, read_mapping
    from loki_core.dex.saved import read_dex, saved_fingerprint
    from loki_core.head.embedded import embedded_head

    network, _ = read_dex(folder)
    config = network.dex
    told = "no mapping of coefficients: 'launch.py train --preset dex-mapping-mini' fits one"
    if (folder / MAPPING_FOLDER).is_dir():
        read_mapping(folder / MAPPING_FOLDER, embedded_head(), saved_fingerprint(folder), config.motion.expression.latent)
        told = "with a mapping of this head's coefficients"
    print(f"Checked: {folder}")
    print(
        f"  {len(network.state_dict())} tensors with the right names and shapes: the network '{config.name}', "
        f"{config.image_size}x{config.image_size}, {config.frames} frames at once; {told}"
    )


_RUNS: Mapping[str, Callable[[Path | None], int]] = MappingProxyType({_LIA_X: _lia_x, _LOKI: _loki, _DEX: _dex})
