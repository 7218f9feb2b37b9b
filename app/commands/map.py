"""`map`: the driver map of a motion, a portrait or a named expression, as files."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.material import bar, controls_of, existing, head_and_units
from app.commands.options import Subparsers, add_command
from loki_core.errors import InputError

if TYPE_CHECKING:
    from loki_core.head.model import HeadModel
    from loki_core.head.params import FlameParams
    from loki_core.head.units import UnitBasis
    from loki_core.raster.camera import Camera
    from loki_core.raster.export import MapFormat

__all__ = ["add", "run"]

_FORMATS = ("png", "exr", "npz")
_DISTANCE, _FOCAL = 1.0, 1000.0
"""Metres and pixels of a camera for heads that none was tracked with: the crop takes its size from the head anyway."""


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "map",
        "Write the 45 channels of the driver map, and a picture of them.",
        example="python launch.py map --set mouthSmileLeft=0.8 jawOpen=0.3 --out smile.npz",
        run=run,
    )
    parser.add_argument("--motion", type=Path, metavar="M", help="motion file from `track` (.npz)")
    parser.add_argument("--portrait", type=Path, metavar="P", help="picture of a face")
    parser.add_argument(
        "--set", nargs="+", default=[], action="extend", metavar="NAME=VALUE", help="controls, on top of the portrait's face"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="file, or folder for png")
    parser.add_argument("--size", type=int, default=512, metavar="N", help="side in pixels (default: 512)")
    parser.add_argument("--format", choices=_FORMATS, help="default: by the name of the output, else png")


def run(arguments: argparse.Namespace) -> int:
    from loki_core.head.model import pose_vertices
    from loki_core.raster.camera import head_crop, project
    from loki_core.raster.export import write_map

    if not 16 <= arguments.size <= 4096:
        raise InputError(f"expected --size from 16 to 4096, got {arguments.size}")
    if arguments.motion is None and arguments.portrait is None and not arguments.set:
        raise InputError("expected --motion, --portrait or --set, got none; for example --set jawOpen=0.5")
    suffix = arguments.out.suffix.lower().removeprefix(".")
    form: MapFormat = arguments.format or (suffix if suffix in _FORMATS else "png")
    head, units = head_and_units()
    params, camera = _subject(arguments, head, units)
    crop = head_crop(project(camera, pose_vertices(head, params[0])))
    with bar("Drawing") as progress:
        write_map(arguments.out, head, params, camera, crop, size=(arguments.size, arguments.size), form=form, progress=progress)
    print(arguments.out)
    return 0


def _subject(arguments: argparse.Namespace, head: HeadModel, units: UnitBasis) -> tuple[FlameParams, Camera]:
    """Coefficients of batch shape (T,) and the camera that sees them."""
    import torch

    from loki_core.head.arkit import apply_controls
    from loki_core.motion.npz import load_motion
    from loki_core.raster.camera import Camera
    from loki_core.render.reenact import open_portrait

    camera, place = Camera(_FOCAL, 0.0, 0.0, 0, 0), torch.tensor([0.0, 0.0, -_DISTANCE])
    params = replace(head.neutral(), translation=place)[None]
    if arguments.motion is not None:
        motion = load_motion(existing(arguments.motion), head)
        params = motion.params()
        if motion.camera is None:
            params = replace(params, translation=params.translation + place)
        camera = motion.camera or camera
    elif arguments.portrait is not None:
        portrait = open_portrait(existing(arguments.portrait), head)
        params, camera = portrait.params[None], portrait.camera
    return apply_controls(head, units, params, controls_of(arguments.set)), camera
