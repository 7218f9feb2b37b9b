"""`animate`: a portrait and a driver become a video."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.material import EXAMPLE_MOTION, bar, existing, head_and_units, open_example, rate, seconds
from app.commands.options import Subparsers, add_command
from loki_core.errors import InputError

if TYPE_CHECKING:
    from loki_core.head.model import HeadModel
    from loki_core.head.units import UnitBasis
    from loki_core.motion.retarget import RetargetSettings
    from loki_core.render.base import Portrait
    from loki_core.render.reenact import Driver, Picture

__all__ = ["add", "run"]

_GAINS = {
    "expression": ("expression",),
    "jaw": ("jaw",),
    "eyes": ("eye_left", "eye_right"),
    "head": ("head_rotation", "head_translation", "neck"),
}
"""Each --gain option and the settings that it stands for."""


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "animate",
        "Turn a portrait and a driver clip into a video, with the driver's sound.",
        example="python launch.py animate --portrait face.jpg --driver clip.mp4 --out result.mp4",
        run=run,
    )
    parser.add_argument("--portrait", type=Path, metavar="P", help="picture of a face")
    parser.add_argument(
        "--driver", type=Path, metavar="D", help="clip of a face, or a motion (.npz, .csv of Live Link Face, .glb)"
    )
    parser.add_argument("--example", action="store_true", help="use the portrait and the motion that come with the studio")
    parser.add_argument(
        "--out", type=Path, metavar="O", help=".mp4, .gif, or a new folder for numbered PNGs (--example: example.mp4)"
    )
    parser.add_argument("--renderer", default="warp", help="what draws the frames (default: warp)")
    parser.add_argument(
        "--start", type=seconds, metavar="S", help="where the driver begins, as 2.5 or 1:02.5 (default: at its start)"
    )
    parser.add_argument("--end", type=seconds, metavar="S", help="where the driver ends (default: at its end)")
    parser.add_argument("--fps", type=rate, metavar="F", help="rate of a motion file that does not say it, as 25 or 30000/1001")
    parser.add_argument(
        "--absolute", action="store_true", help="take the driver's expression and pose as they are, not their change"
    )
    for name in _GAINS:
        parser.add_argument(
            f"--gain-{name}", type=float, default=1.0, metavar="X", help=f"how much of the driver's {name}: 0 none, 1 all"
        )
    parser.add_argument(
        "--face", type=int, metavar="N", help="which face of the portrait, from 1, left to right (default: the largest)"
    )
    parser.add_argument("--panel", action="store_true", help="show portrait, driver and result side by side")


def run(arguments: argparse.Namespace) -> int:
    from loki_core.media.video_out import open_writer
    from loki_core.render.reenact import reenact
    from loki_core.render.registry import make_renderer
    from loki_core.timeline.performance import frame_rate

    out = _output(arguments)
    head, units = head_and_units()
    renderer = make_renderer(arguments.renderer, head)
    portrait, driver = _material(arguments, head, units)
    with bar("Rendering") as progress:
        pictures = reenact(portrait, driver.performance, head, units, renderer, _settings(arguments), progress=progress)
        if arguments.panel:
            pictures = _panels(portrait, driver, pictures)
        first = next(pictures)
        with open_writer(out, frame_rate(driver.performance), (first.shape[0], first.shape[1]), sound=driver.sound()) as writer:
            for picture in chain([first], pictures):
                writer.write(picture)
    print(out)
    return 0


def _output(arguments: argparse.Namespace) -> Path:
    if arguments.example:
        if arguments.portrait or arguments.driver:
            raise InputError("expected --example alone or --portrait with --driver, got both; leave one out")
        return arguments.out or Path("example.mp4")
    missing = [f"--{name}" for name in ("portrait", "driver", "out") if getattr(arguments, name) is None]
    if missing:
        raise InputError(f"expected --portrait, --driver and --out, {' and '.join(missing)} missing; or try --example")
    existing(arguments.portrait)
    existing(arguments.driver)
    return arguments.out


def _material(arguments: argparse.Namespace, head: HeadModel, units: UnitBasis) -> tuple[Portrait, Driver]:
    from loki_core.motion.presets import MOTIONS, load_motion_preset
    from loki_core.render.reenact import Driver, open_driver, open_portrait

    if arguments.example:
        return open_example(head), Driver(load_motion_preset(MOTIONS / f"{EXAMPLE_MOTION}.json"))
    portrait = open_portrait(arguments.portrait, head, face=arguments.face)
    with bar("Tracking") as progress:
        return portrait, open_driver(
            arguments.driver, head, units, start=arguments.start, end=arguments.end, progress=progress, fps=arguments.fps
        )


def _settings(arguments: argparse.Namespace) -> RetargetSettings:
    from loki_core.motion.retarget import RetargetSettings

    gains = {setting: getattr(arguments, f"gain_{name}") for name, settings in _GAINS.items() for setting in settings}
    assert gains.keys() <= {field.name for field in fields(RetargetSettings)}
    return RetargetSettings(absolute=float(arguments.absolute), **gains)


def _panels(portrait: Portrait, driver: Driver, pictures: Iterator[Picture]) -> Iterator[Picture]:
    """Portrait, driver (where it is a clip) and result in a row, as high as the portrait."""
    from loki_core.media.panel import compose_panel
    from loki_core.media.picture import flatten

    still = flatten(portrait.image, portrait.alpha)
    driving = iter(()) if driver.clip is None else driver.frames()
    for picture in pictures:
        shown = flatten(picture[..., :3], picture[..., 3]) if picture.shape[2] == 4 else picture
        beside = next(driving, None)
        row = {"Portrait": still, **({} if beside is None else {"Driver": beside}), "Result": shown}
        yield compose_panel(list(row.values()), captions=list(row), height=len(still))
