"""Motion files by their ending."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.embedded import embedded_head
from loki_core.head.units import unit_basis
from loki_core.motion.clip import Motion
from loki_core.motion.files import MOTION_ENDINGS, is_motion_file, read_motion, write_motion

HEAD = embedded_head()
UNITS = unit_basis(HEAD, HEAD)


def performance() -> Motion:
    ramp = torch.linspace(0, 1, 12)
    frames = apply_controls(HEAD, UNITS, HEAD.neutral(), {"jawOpen": 0.5 * ramp, "headYaw": 20 * ramp})
    return Motion.of(frames, fps=Fraction(30), head=HEAD.id)


@pytest.mark.parametrize("ending", MOTION_ENDINGS)
def test_what_is_written_is_read_again(tmp_path: Path, ending: str) -> None:
    motion = performance()
    path = tmp_path / f"take{ending}"
    write_motion(path, motion, HEAD, UNITS)
    again = read_motion(path, HEAD, UNITS, fps=Fraction(30) if ending == ".csv" else None)
    assert is_motion_file(path) and again.frame_count == 12 and again.fps == 30
    jaw = HEAD.expression_names.index("jawOpen")
    torch.testing.assert_close(again.expression[:, jaw], motion.expression[:, jaw], atol=0.02, rtol=0)


@pytest.mark.parametrize("name", ["take.fbx", "take", "take.mp4"])
def test_other_endings_are_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.npz, \.csv, \.glb"):
        write_motion(tmp_path / name, performance(), HEAD, UNITS)
    with pytest.raises(InputError, match=name):
        read_motion(tmp_path / name, HEAD, UNITS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", MOTION_ENDINGS)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"take{ending}"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" * 20)
    with pytest.raises(InputError, match="take"):
        read_motion(path, HEAD, UNITS)
