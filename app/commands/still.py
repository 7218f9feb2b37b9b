"""`still`: one edited frame of a portrait."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.commands.drawing import add_renderer, renderer_of
from app.commands.material import controls_of, existing, expression_values, head_and_units
from app.commands.options import Subparsers, add_command, check_output

__all__ = ["add", "run"]

_TURNS = {"yaw": "headYaw", "pitch": "headPitch", "roll": "headRoll"}


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "still",
        "Edit a portrait's expression and pose; writes one picture.",
        example="python launch.py still --portrait face.jpg --set mouthSmileLeft=0.8 --head-yaw 15 --out edited.png",
        run=run,
    )
    parser.add_argument("--portrait", type=Path, required=True, metavar="P", help="picture of a face")
    parser.add_argument("--out", type=Path, required=True, metavar="O", help="picture to write (.png, .jpg)")
    parser.add_argument("--expression", metavar="PRESET", help="an expression of presets/expressions, such as smile")
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        action="extend",
        metavar="NAME=VALUE",
        help="controls, such as jawOpen=0.5; on top of the preset",
    )
    for turn, control in _TURNS.items():
        parser.add_argument(f"--head-{turn}", type=float, metavar="DEG", help=f"the same as --set {control}=DEG")
    parser.add_argument("--face", type=int, metavar="N", help="which face, from 1, left to right (default: the largest)")
    add_renderer(parser)


def run(arguments: argparse.Namespace) -> int:
    from loki_core.head.arkit import apply_controls
    from loki_core.media.picture import write_picture
    from loki_core.render.reenact import open_portrait, posed_from

    out = check_output(arguments.out, (".png", ".jpg", ".jpeg"))
    values = _values(arguments)
    head, units = head_and_units()
    portrait = open_portrait(existing(arguments.portrait), head, face=arguments.face)
    renderer = posed_from(renderer_of(arguments, head), portrait, values)
    frame = apply_controls(head, units, portrait.params, values)[None]
    write_picture(out, next(renderer.render(renderer.prepare(portrait), frame)))
    print(out)
    return 0


def _values(arguments: argparse.Namespace) -> dict[str, float]:
    preset = {} if arguments.expression is None else expression_values(arguments.expression)
    turns = {control: getattr(arguments, f"head_{turn}") for turn, control in _TURNS.items()}
    return preset | {name: value for name, value in turns.items() if value is not None} | controls_of(arguments.set)
