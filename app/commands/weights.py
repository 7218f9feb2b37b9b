"""`weights`: checkpoints that do not come with the studio: where they go, what may be done with them, whether they are whole."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.commands.material import existing
from app.commands.options import Subparsers, add_command
from loki_core.errors import InputError

__all__ = ["add", "run"]

_STEM = "lia-x"
_SOURCE = "https://huggingface.co/YaohuiW/LIA-X, file lia-x.pt (910.57 million parameters)"
_LICENCE = (
    "Licence: the LIA-X weights belong to their authors, who allow research and evaluation only, no commercial use.\n"
    "They do not come with Loki Studio, and its own licence does not cover them. Read LICENSE.md of wyhsirius/LIA-X first."
)


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "weights",
        "Say where a checkpoint goes and under which licence it stands; check the one that is there.",
        example="python launch.py weights lia-x --put Downloads/lia-x.pt",
        run=run,
    )
    parser.add_argument("model", choices=(_STEM,), metavar="MODEL", help=f"{_STEM}")
    parser.add_argument("--put", type=Path, metavar="FILE", help="check this file and copy it to its place")


def run(arguments: argparse.Namespace) -> int:
    from loki_core.lia_x.checkpoint import load_generator
    from loki_core.weights import find_weights, put_weights, weights_folder

    folder = weights_folder()
    print(f"Looked for in: {folder} ({_STEM}.pt or {_STEM}.safetensors; LOKI_WEIGHTS names another folder)")
    print(f"To be had at:  {_SOURCE}")
    print(_LICENCE, flush=True)
    there = find_weights(_STEM, folder) if arguments.put is None else existing(arguments.put)
    if there is None:
        raise InputError(
            f"expected {_STEM}.pt in '{folder}', found none; download it and run: launch.py weights {_STEM} --put FILE"
        )
    generator = load_generator(there)
    if arguments.put is not None:
        there = put_weights(there, _STEM, folder)
    config = generator.config
    print(f"Checked: {there}")
    print(
        f"  {len(generator.state_dict())} tensors with the right names and shapes: scale {config.scale:g}, "
        f"{config.motion_dim} directions, {config.size}x{config.size}"
    )
    return 0
