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
        "Find the head's coefficients in every frame of a clip; writes them as npz.",
        example="python launch.py track clip.mp4 --out motion.npz",
        run=run,
    )
    parser.add_argument("clip", type=Path, metavar="CLIP", help="clip of a face")
    parser.add_argument("--out", type=Path, required=True, metavar="M", help="motion file to write (.npz)")
    parser.add_argument("--start", type=seconds, metavar="S", help="where to begin, as 2.5 or 1:02.5")
    parser.add_argument("--end", type=seconds, metavar="S", help="where to end")
    parser.add_argument("--face", type=int, metavar="N", help="which face, from 1, left to right (default: the largest)")


def run(arguments: argparse.Namespace) -> int:
    from loki_core.motion.npz import save_motion
    from loki_core.track.clip import track_clip

    out = check_output(arguments.out, (".npz",))
    head, _ = head_and_units()
    with bar("Tracking") as progress:
        motion = track_clip(
            existing(arguments.clip), head, start=arguments.start, end=arguments.end, face=arguments.face, progress=progress
        )
    save_motion(out, motion)
    lost = int((motion.confidence == 0).sum())
    print(f"{out}: {motion.frame_count} frames at {motion.fps} a second, {lost} without a face")
    return 0
