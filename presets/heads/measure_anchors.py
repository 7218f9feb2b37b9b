"""Measures how MediaPipe sees the embedded head: writes `anny_anchors.npz` and `landmark_reader.npz`.

    python -m presets.heads.measure_anchors --out presets/heads

Random people are rendered in colour and run through MediaPipe (measuring/renders.py). From what comes back follow, in this order,
the spot on the mesh that each landmark lies on (anchors.py), how landmarks err by pose, together and by themselves (errors.py),
and linear maps that read pose and expression off one frame (reader.py). Nothing but `anny.npz` is needed.

One core renders seven to ten heads a second: the default takes about 25 minutes and 3 GB. Seeded: the same versions and counts
give the same files.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np

from loki_core.head.embedded import embedded_head
from loki_core.track.synthetic import PoseRange
from presets.heads.measuring.anchors import Anchors, measure_anchors
from presets.heads.measuring.errors import measure_errors
from presets.heads.measuring.reader import train_reader
from presets.heads.measuring.renders import render_people

__all__ = ["measure"]

_log = logging.getLogger(__name__)

_FARTHER = PoseRange(yaw=45.0, pitch=27.0, roll=32.0)
"""Of the renders that the reader learns from: beyond what is promised, so that it is sure up to there."""
_ANCHORED = 400
"""Renders that anchors are searched in."""


def measure(people: int, frames: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Contents of the two files. `people`: how many are seen once; one for each 75 of them is seen `frames` times."""
    head, rng = embedded_head(), np.random.default_rng(seed)
    wide = render_people(head, people=people, frames=1, rng=rng, reach=_FARTHER, label="people")
    near = render_people(head, people=max(people // 5, 2), frames=1, rng=rng, reach=PoseRange(), label="people, usual poses")
    again = render_people(head, people=max(people // 100, 2), frames=frames, rng=rng, reach=PoseRange(), label="people, frames")
    test = render_people(head, people=max(people // 20, 2), frames=1, rng=rng, reach=PoseRange(), label="test")
    test_again = render_people(
        head, people=max(people // 300, 2), frames=frames, rng=rng, reach=PoseRange(), label="test, frames"
    )
    anchors = measure_anchors(head, near[:_ANCHORED])
    errors = measure_errors(head, near, again, anchors)
    reader = train_reader(head, wide.joined(near).joined(again), test, test_again, anchors.mirror)
    return _packed_anchors(anchors, errors), {**asdict(reader), "names": np.array(reader.names)}


def _packed_anchors(anchors: Anchors, errors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The modes as half floats: they are standard deviations."""
    return {**asdict(anchors), **errors, "modes": errors["modes"].astype(np.float16)}


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    single = {name: a.astype(np.float32) if a.dtype == np.float64 else a for name, a in arrays.items()}
    np.savez_compressed(path, **single)
    _log.info("%s: %d KB", path.name, path.stat().st_size // 1000)


def _main() -> None:
    parser = argparse.ArgumentParser(description="Measure how MediaPipe sees the embedded head.")
    parser.add_argument("--people", type=int, default=7500, help="people that are seen once (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=24, help="frames of each that is seen often (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="below 20,000,000 (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the two files are written")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    anchors, reader = measure(arguments.people, arguments.frames, arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    _save(arguments.out / "anny_anchors.npz", anchors)
    _save(arguments.out / "landmark_reader.npz", reader)


if __name__ == "__main__":
    _main()
