"""`view`: the head in a window of its own, or as a picture, drawn by OpenGL."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.material import controls_of, existing, expression_values, head_and_units
from app.commands.options import Subparsers, add_command, check_output
from loki_core.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from loki_core.head.model import HeadModel
    from loki_core.head.params import FlameParams
    from loki_core.head.units import UnitBasis
    from loki_core.raster.camera import Camera

__all__ = ["add", "run"]

_DISTANCE = 1.0
"""Metres from the camera to the head."""
_FOCAL = 2.7
"""Focal length over the picture's side: the head fills two thirds of it."""


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "view",
        "Show the head in a window: drag turns it, the wheel zooms, Q closes. With --out: one picture, without a screen.",
        example="python launch.py view --preset smile --controls headYaw=15",
        run=run,
    )
    face = parser.add_mutually_exclusive_group()
    face.add_argument("--preset", metavar="PRESET", help="an expression of presets/expressions, such as smile")
    face.add_argument("--motion", type=Path, metavar="M", help="motion file from `track` (.npz, .csv, .glb)")
    parser.add_argument("--frame", type=int, metavar="N", help="frame of the motion, from 0 (default: 0)")
    parser.add_argument(
        "--controls", nargs="+", default=[], action="extend", metavar="NAME=VALUE", help="controls, on top of preset or motion"
    )
    parser.add_argument("--out", type=Path, metavar="O", help="write a picture (.png, .jpg) instead of opening a window")
    parser.add_argument("--size", type=int, default=768, metavar="N", help="side in pixels (default: 768)")


def run(arguments: argparse.Namespace) -> int:
    from loki_core.head.model import pose_vertices
    from loki_core.raster.camera import Camera
    from loki_core.raster.shaded import part_colours
    from loki_core.raster.window import show_in_window

    if not 64 <= arguments.size <= 4096:
        raise InputError(f"expected --size from 64 to 4096, got {arguments.size}")
    if arguments.frame is not None and arguments.motion is None:
        raise InputError("expected --motion with --frame, got none; add --motion FILE")
    out = None if arguments.out is None else check_output(arguments.out, (".png", ".jpg", ".jpeg"))
    head, units = head_and_units()
    vertices = pose_vertices(head, _pose(arguments, head, units))
    side = arguments.size
    camera = Camera(_FOCAL * side, side / 2, side / 2, side, side)
    if out is not None:
        _write(out, head, vertices, camera)
        print(out)
        return 0
    try:
        show_in_window(vertices, head.faces, part_colours(head), camera, title="Loki Studio")
    except RuntimeError as error:
        raise InputError(f"{error}; write a picture instead: --out head.png") from error
    return 0


def _pose(arguments: argparse.Namespace, head: HeadModel, units: UnitBasis) -> FlameParams:
    """Coefficients of batch shape (), in the middle of the picture."""
    import torch

    from loki_core.head.arkit import apply_controls
    from loki_core.motion.files import read_motion

    params = head.neutral()
    values = {} if arguments.preset is None else expression_values(arguments.preset)
    if arguments.motion is not None:
        motion = read_motion(existing(arguments.motion), head, units)
        frame = arguments.frame or 0
        if not 0 <= frame < motion.frame_count:
            raise InputError(f"expected --frame from 0 to {motion.frame_count - 1}, got {frame}")
        params = motion.params()[frame]
    params = replace(params, translation=torch.tensor([0.0, 0.0, -_DISTANCE]))
    return apply_controls(head, units, params, values | controls_of(arguments.controls))


def _write(out: Path, head: HeadModel, vertices: Float[Tensor, "V 3"], camera: Camera) -> None:
    from loki_core.media.picture import write_picture
    from loki_core.raster.shaded import opengl_shader, part_colours

    try:
        with opengl_shader(camera) as draw:
            picture = draw(vertices, head.faces, part_colours(head))
    except RuntimeError as error:
        raise InputError(str(error)) from error
    write_picture(out, picture)
