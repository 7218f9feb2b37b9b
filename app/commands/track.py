"""`track`: a clip of a face becomes a motion file."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.commands.material import bar, existing, head_and_units, seconds
from app.commands.options import Subparsers, add_command, check_output

__all__ = ["add", "run"]


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "track",
        "Find the head's coefficients in every frame of a clip; writes them as a motion file.",
        example="python launch.py track clip.mp4 --out motion.npz",
        run=run,
    )
    parser.add_argument("clip", type=Path, metavar="CLIP", help="clip of a face")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="M", help=".npz (all of it), .csv (Live Link Face) or .glb (Blender)"
    )
    parser.add_argument("--start", type=seconds, metavar="S", help="where to begin, as 2.5 or 1:02.5")
    parser.add_argument("--end", type=seconds, metavar="S", help="where to end")
    parser.add_argument("--face", type=int, metavar="N", help="which face, from 1, left to right (default: the largest)")


def run(arguments: argparse.Namespace) -> int:
    from loki_core.motion.files import MOTION_ENDINGS, write_motion
    from loki_core.track.clip import track_clip

    out = check_output(arguments.out, MOTION_ENDINGS)
    head, units = head_and_units()
    with bar("Tracking") as progress:
        motion = track_clip(
            existing(arguments.clip), head, start=arguments.start, end=arguments.end, face=arguments.face, progress=progress
        )
    write_motion(out, motion, head, units)
    lost = int((motion.confidence == 0).sum())
    print(f"{out}: {motion.frame_count} frames at {motion.fps} a second, {lost} without a face")
    return 0
