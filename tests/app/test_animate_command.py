"""`animate` with a driver for the head and another for the face."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import pytest
import skimage.data
import torch

from app.cli import build_parser
from app.commands.animate import open_drivers, settings_of
from app.commands.material import head_and_units
from loki_core.errors import InputError
from loki_core.head.params import FlameParams
from loki_core.motion.npz import save_motion
from loki_core.render.reenact import driven
from tests.motion.tracks import random_motion

FACE = ("expression", "jaw_pose", "eye_pose")
POSE = ("global_orient", "neck_pose", "translation")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A portrait, and motions of three frames; `slow` has half the rate, `short` one frame."""
    cv2.imwrite(str(tmp_path / "face.png"), skimage.data.astronaut()[:320, 60:380, ::-1])
    head = head_and_units()[0]
    for seed, name in enumerate(("one", "two", "three")):
        motion = random_motion(head, 3, seed)
        motion = replace(motion, expression=motion.expression * 0.3, confidence=torch.ones(3), fps=Fraction(30))
        save_motion(tmp_path / f"{name}.npz", motion)
        if name == "one":
            save_motion(tmp_path / "slow.npz", replace(motion, fps=Fraction(15)))
            save_motion(tmp_path / "short.npz", motion.trimmed(None, Fraction(1, 30)))
    return tmp_path


def coefficients(folder: Path, pose: str, expression: str) -> FlameParams:
    options = ["--pose-driver", str(folder / f"{pose}.npz"), "--expression-driver", str(folder / f"{expression}.npz")]
    arguments = build_parser().parse_args(["animate", *options])
    head, units = head_and_units()
    drivers = open_drivers(arguments, head, units)
    assert drivers.pose is not None
    settings, portrait = settings_of(arguments), random_motion(head, 1, 9).params()[0]
    return driven(drivers.face.performance, portrait, head, units, settings, pose=drivers.pose.performance)


def same(first: FlameParams, second: FlameParams, names: tuple[str, ...]) -> list[bool]:
    return [torch.equal(getattr(first, name), getattr(second, name)) for name in names]


def test_changing_only_the_pose_driver_leaves_the_face_exactly(folder: Path):
    first, second = coefficients(folder, "one", "three"), coefficients(folder, "two", "three")
    assert all(same(first, second, FACE)) and not any(same(first, second, POSE))


def test_changing_only_the_expression_driver_leaves_the_head_exactly(folder: Path):
    first, second = coefficients(folder, "three", "one"), coefficients(folder, "three", "two")
    assert all(same(first, second, POSE)) and not any(same(first, second, FACE))


def test_a_pose_driver_of_half_the_rate_moves_half_as_fast(folder: Path):
    fast, slow = coefficients(folder, "one", "two"), coefficients(folder, "slow", "two")
    for name in POSE:
        torch.testing.assert_close(getattr(slow, name)[::2], getattr(fast, name)[:2])


def test_a_pose_driver_that_ends_earlier_holds_its_last_pose(folder: Path):
    short = coefficients(folder, "short", "two")
    assert short.batch_shape == (3,)
    assert torch.equal(short.global_orient[2], short.global_orient[0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--driver", "d.npz", "--pose-driver", "a.npz"], "--driver alone or --pose-driver with --expression-driver"),
        (["--pose-driver", "a.npz"], "--expression-driver missing"),
        (["--expression-driver", "a.npz"], "--pose-driver missing"),
        ([], "--driver missing"),
        (["--example", "--pose-driver", "a.npz"], "--example alone"),
    ],
)
def test_drivers_that_contradict_each_other_are_refused(options: list[str], words: str):
    arguments = build_parser().parse_args(["animate", "--portrait", "p.png", "--out", "o.mp4", *options])
    with pytest.raises(InputError, match=words):
        arguments.run(arguments)


def test_two_motion_files_become_numbered_pictures(folder: Path):
    named = {"portrait": "face.png", "pose-driver": "one.npz", "expression-driver": "two.npz", "out": "frames"}
    options = [word for name, file in named.items() for word in (f"--{name}", str(folder / file))]
    arguments = build_parser().parse_args(["animate", *options, "--panel"])
    assert arguments.run(arguments) == 0
    assert len(list((folder / "frames").iterdir())) == 3
