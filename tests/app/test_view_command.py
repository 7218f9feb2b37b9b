"""`launch.py view` in a process of its own, as OpenGL wants it."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loki_core.head.embedded import embedded_head
from loki_core.motion.clip import Motion
from loki_core.motion.npz import save_motion

ROOT = Path(__file__).resolve().parents[2]


def view(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "PYOPENGL_PLATFORM")}
    command = [sys.executable, str(ROOT / "launch.py"), "view", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--preset", "smyle"), "expected an expression preset, got 'smyle'; there are anger,"),
        (("--frame", "3"), "expected --motion with --frame, got none; add --motion FILE"),
        (("--controls", "smile"), "expected NAME=NUMBER, got 'smile'"),
        (("--size", "9"), "expected --size from 64 to 4096, got 9"),
        (("--out", "head.gif"), "expected an output that ends in .png or .jpg or .jpeg, got 'head.gif'"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_sentence(arguments: tuple[str, ...], words: str) -> None:
    done = view(*arguments)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith(f"launch.py: {words}")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_without_a_screen_a_picture_is_offered() -> None:
    done = view("--preset", "smile")
    assert done.returncode == 2
    assert done.stderr == "launch.py: there is no screen (DISPLAY is not set); write a picture instead: --out head.png\n"


def test_a_frame_of_a_motion_is_drawn_with_its_controls(tmp_path: Path) -> None:
    head = embedded_head()
    save_motion(tmp_path / "m.npz", Motion.of(head.neutral()[None], fps=Fraction(30), head=head.id))
    pictures = []
    for turn in (0, 40):
        out = tmp_path / f"{turn}.png"
        done = view("--motion", str(tmp_path / "m.npz"), "--controls", f"headYaw={turn}", "--size", "96", "--out", str(out))
        if "expected OpenGL" in done.stderr:
            assert done.returncode == 2 and done.stderr.count("\n") == 1
            pytest.skip(done.stderr)
        assert done.returncode == 0, done.stderr
        pictures.append(np.asarray(Image.open(out)))
    assert pictures[0].shape == (96, 96, 3) and (pictures[0] != pictures[0][0, 0]).any(-1).mean() > 0.2
    assert (pictures[0] != pictures[1]).any(-1).mean() > 0.1


def test_a_frame_that_the_motion_does_not_have_is_refused(tmp_path: Path) -> None:
    head = embedded_head()
    save_motion(tmp_path / "m.npz", Motion.of(head.neutral()[None], fps=Fraction(30), head=head.id))
    done = view("--motion", str(tmp_path / "m.npz"), "--frame", "1", "--out", str(tmp_path / "x.png"))
    assert (done.returncode, done.stderr) == (2, "launch.py: expected --frame from 0 to 0, got 1\n")
