"""`evaluate`: how well a clip follows another, beside an unmoving picture; or how well trained networks and renderers do."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands import evaluate_networks
from app.commands.material import bar, existing, head_and_units
from app.commands.options import Subparsers, add_command, check_output
from loki_core.errors import InputError

if TYPE_CHECKING:
    from loki_core.metrics.evaluate import Report

__all__ = ["add", "run"]

TRACKER = "mediapipe 0.10.21 landmarks and this project's solver; not comparable with figures of other trackers"
_ROWS = (
    ("HPF, degrees", "hpf_degrees", "lower is better"),
    ("HEF", "hef", "lower is better"),
    ("PSNR, dB", "psnr_db", "higher is better"),
    ("PSNR of the head, dB", "head_psnr_db", "higher is better"),
    ("SSIM", "ssim", "higher is better"),
)


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "evaluate",
        "Measure how well a rendered clip follows its target, or a trained network the truth: pose, expression, pixels.",
        example="python launch.py evaluate --self clip.mp4 --json report.json",
        run=run,
    )
    parser.add_argument(
        "--self", dest="own", type=Path, metavar="CLIP", help="render the clip from its own first frame, then compare"
    )
    parser.add_argument("--pred", type=Path, metavar="A", help="the rendered clip")
    parser.add_argument("--target", type=Path, metavar="B", help="what it should look like")
    parser.add_argument("--renderer", default="warp", help="what renders with --self (default: warp)")
    parser.add_argument("--frames", type=int, metavar="N", help="compare only the first N frames")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here too")
    evaluate_networks.add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    from loki_core.metrics.evaluate import report_json

    if arguments.network is not None or arguments.suite:
        if arguments.own or arguments.pred or arguments.target:
            raise InputError("expected --network or --suite, or clips to compare, got both; give one of them")
        return evaluate_networks.run(arguments)
    out = None if arguments.json is None else check_output(arguments.json, (".json",))
    if (arguments.own is None) == (arguments.pred is None or arguments.target is None):
        raise InputError("expected --self CLIP, --pred A and --target B, --network FOLDER or --suite; give one of them")
    if arguments.frames is not None and arguments.frames < 1:
        raise InputError(f"expected --frames of at least 1, got {arguments.frames}")
    if arguments.own is None:
        report = _compare(existing(arguments.pred), existing(arguments.target), arguments.frames)
    else:
        report = _reenact_itself(existing(arguments.own), arguments.renderer, arguments.frames)
    if out is not None:
        out.write_text(json.dumps(report_json(report), indent=2) + "\n")
    _show(report)
    return 0


def _reenact_itself(clip: Path, renderer: str, frames: int | None) -> Report:
    """The clip's first frame moved by the clip, through a video file, as a user's result would be."""
    from loki_core.metrics.reenactment import reenact_itself

    head, units = head_and_units()
    with tempfile.TemporaryDirectory() as folder, bar("Rendering") as progress:
        made = reenact_itself(clip, Path(folder) / "made.mp4", head, units, renderer, frames=frames, progress=progress)
        return _compare(made, clip, frames)


def _compare(pred: Path, target: Path, frames: int | None) -> Report:
    from loki_core.media.video_in import read_frames
    from loki_core.metrics.evaluate import evaluate
    from loki_core.track.clip import track_clip

    head, _ = head_and_units()
    with bar("Tracking the result") as progress:
        found = track_clip(pred, head, progress=progress)
    with bar("Tracking the target") as progress:
        wanted = track_clip(target, head, progress=progress)
    return evaluate(read_frames(pred), read_frames(target), found, wanted, head, tracker=TRACKER, frames=frames)


def _show(report: Report) -> None:
    print(f"{report.frames} frames; faces found again by {report.tracker}")
    print(f"{'':24}{'result':>10}{'frozen':>10}")
    for label, field, note in _ROWS:
        print(f"{label:24}{getattr(report, field):10.3f}{getattr(report.frozen, field):10.3f}   {note}")
