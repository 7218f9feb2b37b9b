"""`prepare`: clips of faces become scenes that `train --data` reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.commands.material import bar
from app.commands.options import Subparsers, add_command
from loki_core.errors import InputError

__all__ = ["add", "run"]


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "prepare",
        "Cut clips of faces into tracked scenes to train on; goes on where it was stopped.",
        example="python launch.py prepare clips/ --out data/clips --workers 8",
        run=run,
    )
    parser.add_argument("videos", type=Path, nargs="+", metavar="IN", help="folders of clips, or clips; a subfolder is a person")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where scenes, manifest and report go")
    parser.add_argument("--size", type=int, default=64, metavar="N", help="side of the pictures, pixels (default: 64)")
    parser.add_argument("--smallest", type=int, default=64, metavar="N", help="smallest head, pixels of the clip (default: 64)")
    parser.add_argument("--sharpness", type=float, default=15.0, metavar="X", help="least sharpness; 0 keeps all (default: 15)")
    parser.add_argument(
        "--held-out", type=float, default=0.02, metavar="X", help="share of people kept for tests (default: 0.02)"
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="clips side by side (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    from loki_core.data.prepare_report import draw_plots, report_page
    from loki_core.data.prepare_run import find_videos, prepare
    from loki_core.data.preparing import PrepareConfig
    from loki_core.training.run_folder import source_commit

    if min(arguments.size, arguments.smallest, arguments.workers) < 1 or not 0 <= arguments.held_out < 1:
        raise InputError("expected --size, --smallest and --workers of at least 1 and --held-out from 0 to less than 1")
    if arguments.out.is_file():
        raise InputError(f"expected a folder for --out, got the file '{arguments.out}'; choose another name")
    config = PrepareConfig(arguments.size, smallest=arguments.smallest, sharpness=arguments.sharpness)
    sources = find_videos(arguments.videos)
    workers = 0 if arguments.workers == 1 else arguments.workers
    with bar("Preparing") as progress:
        manifest = prepare(
            sources, arguments.out, config,
            held_out=arguments.held_out, workers=workers, commit=source_commit(), progress=progress,
        )  # fmt: skip
    draw_plots(manifest).save(arguments.out / "report.png")
    page = report_page(manifest, "report.png")
    (arguments.out / "report.md").write_text(page, encoding="utf-8")
    print(page, end="")
    return 0
