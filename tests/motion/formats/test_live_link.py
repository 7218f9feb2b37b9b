from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls, read_controls
from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.rotation import compose, to_yaw_pitch_roll
from loki_core.head.units import UnitBasis
from loki_core.motion.clip import Motion
from loki_core.motion.formats.live_link import LIVE_LINK_UNITS, read_live_link, write_live_link

ANGLES = [f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll")]
HEADER = ["Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in LIVE_LINK_UNITS), *ANGLES]


@pytest.fixture
def performance(embedded: HeadModel, embedded_units: UnitBasis) -> Motion:
    generator = torch.Generator().manual_seed(3)
    frames = 70
    names = ("jawOpen", "mouthSmileLeft", "mouthFunnel", "browInnerUp", "eyeBlinkRight", "cheekPuff", "eyeLookDownLeft")
    values = {name: torch.rand(frames, generator=generator) * 0.8 for name in names}
    turns = ("headYaw", "headPitch", "headRoll", "gazeYaw", "gazePitch", "neckYaw")
    values |= {name: (torch.rand(frames, generator=generator) - 0.5) * 30 for name in turns}
    return Motion.of(apply_controls(embedded, embedded_units, embedded.neutral(), values), fps=Fraction(60), head=embedded.id)


def write_rows(path: Path, rows: list[tuple[str, dict[str, float | str]]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows([time, 61, *(values.get(name, 0.0) for name in HEADER[2:])] for time, values in rows)
    return path


def test_order_holds_each_unit_once() -> None:
    assert sorted(LIVE_LINK_UNITS) == list(ARKIT_UNITS)


def test_controls_come_back(tmp_path: Path, performance: Motion, embedded: HeadModel, embedded_units: UnitBasis) -> None:
    write_live_link(tmp_path / "take.csv", performance, embedded, embedded_units)
    loaded = read_live_link(tmp_path / "take.csv", embedded, embedded_units)
    assert (loaded.fps, loaded.head, loaded.frame_count) == (performance.fps, embedded.id, performance.frame_count)
    assert (loaded.confidence == 1).all()
    rest = embedded.neutral((performance.frame_count,))
    plain = [replace(m.params(), eye_pose=torch.zeros_like(m.eye_pose)) for m in (performance, loaded)]
    before, after = (read_controls(embedded, embedded_units, params, rest) for params in plain)
    for name in ARKIT_UNITS:
        torch.testing.assert_close(after[name], before[name], atol=2e-3, rtol=0)
    torch.testing.assert_close(loaded.eye_pose, performance.eye_pose, atol=1e-5, rtol=0)
    skull = compose(performance.global_orient, performance.neck_pose)
    torch.testing.assert_close(loaded.global_orient, skull, atol=1e-5, rtol=0)


def test_face_comes_back_within_a_tenth_of_a_millimetre(
    tmp_path: Path, performance: Motion, embedded: HeadModel, embedded_units: UnitBasis
) -> None:
    still = replace(
        performance,
        global_orient=torch.zeros_like(performance.global_orient),
        neck_pose=torch.zeros_like(performance.neck_pose),
        translation=torch.zeros_like(performance.translation),
    )
    write_live_link(tmp_path / "take.csv", still, embedded, embedded_units)
    loaded = read_live_link(tmp_path / "take.csv", embedded, embedded_units)
    frames = slice(0, 5)
    faces = [pose_vertices(embedded, m.params()[frames]) for m in (still, loaded)]
    assert float((faces[0] - faces[1]).norm(dim=-1).max()) < 1e-4


def test_file_looks_as_the_app_writes_it(
    tmp_path: Path, performance: Motion, embedded: HeadModel, embedded_units: UnitBasis
) -> None:
    write_live_link(tmp_path / "take.csv", performance, embedded, embedded_units)
    rows = list(csv.reader((tmp_path / "take.csv").open()))
    assert rows[0] == HEADER
    assert [rows[1][:2], rows[61][:2]] == [["00:00:00:00.000", "61"], ["00:00:01:00.000", "61"]]
    assert {len(row) for row in rows} == {63}


@pytest.mark.parametrize(
    ("column", "which", "axis"),
    [("HeadYaw", "global_orient", 0), ("HeadPitch", "global_orient", 1), ("HeadRoll", "global_orient", 2)],
)
def test_angles_are_radians_with_the_signs_of_the_conventions(
    tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis, column: str, which: str, axis: int
) -> None:
    path = write_rows(tmp_path / "take.csv", [("00:00:00:00.000", {column: 0.3})])
    turned = to_yaw_pitch_roll(getattr(read_live_link(path, embedded, embedded_units), which))[0]
    assert turned.tolist() == pytest.approx([math.degrees(0.3) * (index == axis) for index in range(3)], abs=1e-4)


def test_eye_angles_are_the_whole_gaze(tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis) -> None:
    look: dict[str, float | str] = {"EyeLookOutLeft": 0.8, "EyeLookInRight": 0.8}
    angles: dict[str, float | str] = {"LeftEyeYaw": 0.2, "RightEyeYaw": 0.25}
    path = write_rows(tmp_path / "take.csv", [("00:00:00:00.000", {**look, **angles})])
    gaze = to_yaw_pitch_roll(read_live_link(path, embedded, embedded_units).eye_pose[0])
    assert gaze[:, 0].deg2rad().tolist() == pytest.approx([0.2, 0.25], abs=1e-5)
    by_units = read_live_link(write_rows(tmp_path / "u.csv", [("00:00:00:00.000", look)]), embedded, embedded_units)
    assert (to_yaw_pitch_roll(by_units.eye_pose[0])[:, 0] > 5).all()


def test_lost_rows_are_bridged_without_confidence(tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis) -> None:
    jaw: list[tuple[str, dict[str, float | str]]] = [(f"23:59:59:{f:02d}.000", {"JawOpen": 0.0}) for f in (56, 57)]
    jaw += [("00:00:00:00.000", {"JawOpen": 0.6}), ("00:00:00:01.200", {"JawOpen": 0.6})]
    loaded = read_live_link(write_rows(tmp_path / "take.csv", jaw), embedded, embedded_units)
    column = embedded.expression_names.index("jawOpen")
    assert loaded.fps == 60
    assert loaded.expression[:, column].tolist() == pytest.approx([0, 0, 0.2, 0.4, 0.6, 0.6])
    assert loaded.confidence.tolist() == [1, 1, 0, 0, 1, 1]


@pytest.mark.parametrize(("highest", "fps"), [(23, 24), (24, 25), (29, 30), (59, 60)])
def test_rate_is_read_off_the_timecodes(
    tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis, highest: int, fps: int
) -> None:
    rows: list[tuple[str, dict[str, float | str]]] = [(f"10:00:00:{highest:02d}.000", {}), ("10:00:01:00.000", {})]
    loaded = read_live_link(write_rows(tmp_path / "take.csv", rows), embedded, embedded_units)
    assert (loaded.fps, loaded.frame_count) == (Fraction(fps), 2)


def edited(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        path.write_text("\n".join(change(path.read_text().splitlines())))

    return edit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [lines[0].replace("JawOpen", "JawAjar"), *lines[1:]], "line 1: .* got 'JawAjar' as number 20"),
        (lambda lines: [lines[0].replace("JawLeft", "JawOpen"), *lines[1:]], "line 1: .*'JawOpen' twice"),
        (lambda lines: [line.rpartition(",TongueOut")[0] or line for line in lines], "line 1: .* column TongueOut"),
        (lambda lines: lines[:1], "line 2: expected at least one row"),
        (lambda lines: [], "expected the columns Timecode"),
        (lambda lines: [*lines[:3], lines[3][:60]], "line 4: expected 63 values"),
        (lambda lines: [*lines[:3], "", lines[3].replace(",0.25,", ",nan,")], "line 5, column JawOpen: .* got 'nan'"),
        (lambda lines: [*lines[:3], lines[3].replace(",0.25,", ",,")], "line 4, column JawOpen: .* got ''"),
        (lambda lines: [*lines[:3], lines[3].replace("0.25", "25")], "line 4, column JawOpen: expected a share .* got '25'"),
        (lambda lines: [*lines[:3], lines[3] + "7"], "line 4, column RightEyeRoll: expected radians"),
        (lambda lines: [*lines[:3], "now" + lines[3][15:]], "line 4, column Timecode: expected HH:MM:SS:FF.mmm, got 'now'"),
        (lambda lines: [*lines[:3], lines[1]], "line 4, column Timecode: expected rows that follow"),
        (lambda lines: [*lines[:3], "05" + lines[3][2:]], "line 4, column Timecode: .* step of 18000.042 s"),
        (lambda lines: [*lines, '"'], "expected text with commas"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_by_line_and_column(
    tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis, change: Callable[[list[str]], list[str]], words: str
) -> None:
    rows: list[tuple[str, dict[str, float | str]]] = [
        (f"00:00:00:{f:02d}.000", {"JawOpen": 0.25, "RightEyeRoll": "0.1e0"}) for f in range(3)
    ]
    path = write_rows(tmp_path / "take.csv", rows)
    edited(change)(path)
    with pytest.raises(InputError, match=words):
        read_live_link(path, embedded, embedded_units)


def test_a_rate_that_the_timecodes_outrun_is_refused(tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis) -> None:
    path = write_rows(tmp_path / "take.csv", [("00:00:00:29.000", {}), ("00:00:00:45.000", {})])
    with pytest.raises(InputError, match="line 3, column Timecode: expected frames below 30 at 29.97 a second"):
        read_live_link(path, embedded, embedded_units, fps=Fraction(30000, 1001))


def test_bytes_and_huge_files_are_refused(tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis) -> None:
    path = tmp_path / "take.csv"
    path.write_bytes(np.arange(256, dtype=np.uint8).tobytes())
    with pytest.raises(InputError, match="take.csv"):
        read_live_link(path, embedded, embedded_units)
    with path.open("wb") as file:
        file.truncate((1 << 28) + 1)
    with pytest.raises(InputError, match="at most 256 MiB"):
        read_live_link(path, embedded, embedded_units)
