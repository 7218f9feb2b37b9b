"""`animate`: a portrait and a driver become a video."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.drawing import add_renderer, renderer_of
from app.commands.material import EXAMPLE_MOTION, bar, existing, head_and_units, open_example, rate, seconds
from app.commands.options import Subparsers, add_command
from loki_core.errors import InputError

if TYPE_CHECKING:
    from loki_core.head.model import HeadModel
    from loki_core.head.units import UnitBasis
    from loki_core.motion.retarget import RetargetSettings
    from loki_core.render.base import Portrait
    from loki_core.render.reenact import Driver, Picture

__all__ = ["Drivers", "add", "open_drivers", "run", "settings_of"]


@dataclass(frozen=True, eq=False)
class Drivers:
    """What moves the portrait."""

    face: Driver
    """Its rate, length and sound are the video's."""
    pose: Driver | None
    """Of the head; None: `face` moves it too."""


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
    parser.add_argument(
        "--pose-driver",
        type=Path,
        metavar="A",
        help="instead of --driver: what moves the head and neck, a clip or a motion; with --expression-driver",
    )
    parser.add_argument(
        "--expression-driver",
        type=Path,
        metavar="B",
        help="what moves face, jaw and eyes; the video has its rate, length and sound. Both begin together: a pose driver "
        "of another rate is taken at the same times, one that ends earlier holds its last pose, one that is longer is cut",
    )
    parser.add_argument("--example", action="store_true", help="use the portrait and the motion that come with the studio")
    parser.add_argument(
        "--out", type=Path, metavar="O", help=".mp4, .gif, or a new folder for numbered PNGs (--example: example.mp4)"
    )
    parser.add_argument(
        "--start",
        type=seconds,
        metavar="S",
        help="where the driver (each of two) begins, as 2.5 or 1:02.5 (default: at its start)",
    )
    parser.add_argument("--end", type=seconds, metavar="S", help="where it ends (default: at its end)")
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
    add_renderer(parser)


def run(arguments: argparse.Namespace) -> int:
    from loki_core.media.video_out import open_writer
    from loki_core.render.reenact import reenact, watching
    from loki_core.timeline.performance import frame_rate

    out = _output(arguments)
    head, units = head_and_units()
    renderer = renderer_of(arguments, head)
    portrait = _open_portrait(arguments, head)
    drivers = open_drivers(arguments, head, units)
    driver, pose = drivers.face, None if drivers.pose is None else drivers.pose.performance
    with bar("Rendering") as progress:
        pictures = reenact(
            portrait,
            driver.performance,
            head,
            units,
            watching(renderer, driver),
            settings_of(arguments),
            pose=pose,
            progress=progress,
        )
        if arguments.panel:
            pictures = _panels(portrait, drivers, pictures)
        first = next(pictures)
        with open_writer(out, frame_rate(driver.performance), (first.shape[0], first.shape[1]), sound=driver.sound()) as writer:
            for picture in chain([first], pictures):
                writer.write(picture)
    print(out)
    return 0


def _output(arguments: argparse.Namespace) -> Path:
    apart = (arguments.pose_driver, arguments.expression_driver)
    if arguments.example:
        if arguments.portrait or arguments.driver or any(apart):
            raise InputError("expected --example alone or --portrait with a driver, got both; leave one out")
        return arguments.out or Path("example.mp4")
    if arguments.driver and any(apart):
        raise InputError("expected --driver alone or --pose-driver with --expression-driver, got both; leave one out")
    named = ("pose_driver", "expression_driver") if any(apart) else ("driver",)
    wanted = ("portrait", *named, "out")
    words = [f"--{name.replace('_', '-')}" for name in wanted]
    missing = [word for name, word in zip(wanted, words, strict=True) if getattr(arguments, name) is None]
    if missing:
        raise InputError(f"expected {', '.join(words[:-1])} and {words[-1]}, {' and '.join(missing)} missing; or try --example")
    for name in wanted[:-1]:
        existing(getattr(arguments, name))
    return arguments.out


def _open_portrait(arguments: argparse.Namespace, head: HeadModel) -> Portrait:
    from loki_core.render.reenact import open_portrait

    return open_example(head) if arguments.example else open_portrait(arguments.portrait, head, face=arguments.face)


def open_drivers(arguments: argparse.Namespace, head: HeadModel, units: UnitBasis) -> Drivers:
    """The drivers that the options name, each cut to --start and --end."""
    from loki_core.motion.presets import MOTIONS, load_motion_preset
    from loki_core.render.reenact import Driver, open_driver

    if arguments.example:
        return Drivers(Driver(load_motion_preset(MOTIONS / f"{EXAMPLE_MOTION}.json")), None)

    def opened(path: Path, label: str) -> Driver:
        with bar(label) as progress:
            return open_driver(path, head, units, start=arguments.start, end=arguments.end, progress=progress, fps=arguments.fps)

    if arguments.pose_driver is None:
        return Drivers(opened(arguments.driver, "Tracking"), None)
    pose = opened(arguments.pose_driver, "Tracking the pose")
    return Drivers(opened(arguments.expression_driver, "Tracking the expression"), pose)


def settings_of(arguments: argparse.Namespace) -> RetargetSettings:
    """How the options let the drivers move the portrait."""
    from loki_core.motion.retarget import RetargetSettings

    gains = {setting: getattr(arguments, f"gain_{name}") for name, settings in _GAINS.items() for setting in settings}
    assert gains.keys() <= {field.name for field in fields(RetargetSettings)}
    return RetargetSettings(absolute=float(arguments.absolute), **gains)


def _panels(portrait: Portrait, drivers: Drivers, pictures: Iterator[Picture]) -> Iterator[Picture]:
    """Portrait, drivers (where they are clips) and result in a row, as high as the portrait."""
    from loki_core.media.panel import compose_panel
    from loki_core.media.picture import flatten

    still = flatten(portrait.image, portrait.alpha)
    face, pose = drivers.face, drivers.pose
    driving = {"Driver" if pose is None else "Expression": _shown(face, 1.0)}
    if pose is not None:
        driving["Pose"] = _shown(pose, _rate(pose) / _rate(face))
    for picture in pictures:
        shown = flatten(picture[..., :3], picture[..., 3]) if picture.shape[2] == 4 else picture
        beside = {caption: next(frames, None) for caption, frames in driving.items()}
        clips = {caption: frame for caption, frame in beside.items() if frame is not None}
        row = {"Portrait": still, **clips, "Result": shown}
        yield compose_panel(list(row.values()), captions=list(row), height=len(still))


def _rate(driver: Driver) -> float:
    from loki_core.timeline.performance import frame_rate

    return float(frame_rate(driver.performance))


def _shown(driver: Driver, rate: float) -> Iterator[Picture]:
    """A clip's pictures at `rate` of them a frame of the video, the last one held; nothing where there is no clip."""
    if driver.clip is None:
        return
    frames = enumerate(driver.frames())
    number, picture = next(frames)
    for place in count():
        while number < round(place * rate):
            following = next(frames, None)
            if following is None:
                break
            number, picture = following
        yield picture
