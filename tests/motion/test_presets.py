from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.interpolate import PchipInterpolator

from loki_core.errors import InputError
from loki_core.head.controls import control
from loki_core.head.model import HeadModel
from loki_core.head.rotation import from_yaw_pitch_roll
from loki_core.head.units import unit_basis
from loki_core.motion.neutral import find_neutral
from loki_core.motion.presets import (
    EXPRESSIONS,
    MOTIONS,
    MotionPreset,
    controls_at,
    list_presets,
    load_expression,
    load_motion_preset,
    preset_motion,
    sample_controls,
)

SMILE = {"name": "p", "label": "P", "tags": ["t"], "values": {"mouthSmileLeft": 0.5}}
NOD: dict[str, Any] = {
    "name": "p", "label": "P", "tags": [], "duration": 2.0, "loop": False,
    "channels": {"headPitch": {"interpolation": "smooth", "keys": [[0, 0], [1, 8], [2, 0]]}},
}  # fmt: skip


def write(folder: Path, data: object, name: str = "p.json") -> Path:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def bundled_motions() -> list[MotionPreset]:
    return list_presets(MOTIONS, load_motion_preset)[0]


def channel(keys: list[list[float]], interpolation: str, loop: bool = False) -> dict[str, Any]:
    return {**NOD, "loop": loop, "channels": {"headPitch": {"interpolation": interpolation, "keys": keys}}}


def pitch(folder: Path, data: dict[str, Any], seconds: list[float]) -> list[float]:
    return sample_controls(load_motion_preset(write(folder, data)), np.array(seconds, dtype=float))["headPitch"].tolist()


def test_bundled_presets_have_no_problems_and_are_many() -> None:
    expressions, expression_problems = list_presets(EXPRESSIONS, load_expression)
    motions, motion_problems = list_presets(MOTIONS, load_motion_preset)
    assert not expression_problems and not motion_problems
    assert len(expressions) >= 20 and len(motions) >= 8
    assert {"neutral", "smile", "wink-left", "viseme-aa"} <= {p.name for p in expressions}
    assert {"nod", "shake", "look-around", "talk", "laugh", "idle", "showreel"} <= {p.name for p in motions}


@pytest.mark.parametrize("preset", bundled_motions(), ids=lambda p: p.name)
def test_bundled_motion_loops_without_a_seam(preset: MotionPreset) -> None:
    step = 1e-3
    around = sample_controls(preset, preset.duration + step * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
    for name, values in around.items():
        reach = control(name).maximum
        assert np.abs(np.diff(values)).max() < 0.03 * reach, name
        assert np.abs(np.diff(values, n=2)).max() < 1e-3 * reach, name


@pytest.mark.parametrize("preset", bundled_motions(), ids=lambda p: p.name)
def test_bundled_motion_stays_within_the_range_of_its_controls_and_never_jumps(preset: MotionPreset) -> None:
    values = sample_controls(preset, np.arange(0, preset.duration, 1 / 120))
    for name, track in values.items():
        known = control(name)
        assert track.min() >= known.minimum and track.max() <= known.maximum, name
        allowed = 400.0 if name.startswith("gaze") else {"degrees": 100.0, "share": 20.0, "cm": 10.0}[known.unit]  # a second
        assert np.abs(np.diff(track)).max() * 120 < allowed, name


def test_showreel_blinks_talks_turns_and_smiles() -> None:
    preset = load_motion_preset(MOTIONS / "showreel.json")
    values = sample_controls(preset, np.arange(0, 8, 1 / 60))
    assert preset.duration == 8 and preset.loop
    assert (np.minimum(values["eyeBlinkLeft"], values["eyeBlinkRight"]) > 0.95).any()
    assert np.ptp(values["headYaw"]) > 15 and values["mouthSmileLeft"].max() > 0.5
    assert np.count_nonzero(np.diff(np.sign(np.diff(values["jawOpen"])))) > 10


def test_smooth_is_monotone_between_keys_and_flat_at_turning_points(tmp_path: Path) -> None:
    keys: list[list[float]] = [[0, 0], [0.4, 5], [1, 8], [2, 0]]
    time = np.linspace(0, 2, 400)
    track: np.ndarray = np.array(pitch(tmp_path, channel(keys, "smooth"), time.tolist()))
    np.testing.assert_allclose(track, PchipInterpolator(*zip(*keys, strict=True))(time))
    assert track.max() <= 8 and (np.diff(track[time <= 1]) >= 0).all()
    assert pitch(tmp_path, channel(keys, "smooth"), [1 - 1e-4, 1 + 1e-4]) == pytest.approx([8, 8], abs=1e-5)


@pytest.mark.parametrize(("interpolation", "expected"), [("linear", 2.0), ("ease", 8 * 0.15625), ("step", 0.0)])
def test_other_interpolations_are_what_they_say(tmp_path: Path, interpolation: str, expected: float) -> None:
    data = channel([[0, 0], [1, 8], [2, 8]], interpolation)
    assert pitch(tmp_path, data, [0.25, 1.0, 1.5, 2.0]) == pytest.approx([expected, 8, 8, 8])


def test_outside_their_duration_motions_hold_and_loops_repeat(tmp_path: Path) -> None:
    keys: list[list[float]] = [[0, 1], [1, 8], [2, 1]]
    assert pitch(tmp_path, channel(keys, "smooth"), [-1, 5]) == [1, 1]
    assert pitch(tmp_path, channel(keys, "smooth", loop=True), [0.5, 2.5, -1.5]) == pytest.approx(
        [pitch(tmp_path, channel(keys, "smooth", loop=True), [0.5])[0]] * 3
    )


def test_loop_interpolates_around_its_end(tmp_path: Path) -> None:
    assert pitch(tmp_path, channel([[0.5, 0], [1.5, 8]], "linear", loop=True), [1.5, 2.0, 0.25]) == pytest.approx([8, 4, 2])


def test_blink_closes_both_lids_fully_and_spans_the_end_of_a_loop(tmp_path: Path) -> None:
    preset = load_motion_preset(write(tmp_path, {**NOD, "loop": True, "blinks": [1.9]}))
    lids = sample_controls(preset, np.arange(0, 2, 0.005))
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        assert lids[name].max() == pytest.approx(1, abs=0.01)
    assert controls_at(preset, 0.02)["eyeBlinkLeft"] == pytest.approx(controls_at(preset, 2.02)["eyeBlinkLeft"])
    assert controls_at(preset, 0.02)["eyeBlinkLeft"] > 0.5
    assert controls_at(preset, 1.0)["eyeBlinkLeft"] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"values": {"mouthSmielLeft": 0.5}},
            "expected the name of a control, got 'mouthSmielLeft'; did you mean mouthSmileLeft",
        ),
        ({"values": {"mouthSmileLeft": 1.5}}, "mouthSmileLeft from 0 to 1, got 1.5"),
        ({"values": {"mouthSmileLeft": "much"}}, "expected a number for 'mouthSmileLeft', got 'much'"),
        ({"values": {"mouthSmileLeft": 10**400}}, "expected a number for 'mouthSmileLeft'"),
        ({"values": [1]}, "expected an object in braces for 'values'"),
        ({"name": "q"}, "expected the name 'p', as the file's, got 'q'"),
        ({"label": ""}, "expected a label in words"),
        ({"tags": [1]}, "expected words as tags"),
        ({"colour": "red", "size": 3}, "unknown colour, size"),
    ],
)
def test_bad_expression_is_refused_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=f"^p.json: .*{words}"):
        load_expression(write(tmp_path, {**SMILE, **change}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"duration": 0}, "expected a duration of up to 600 seconds, got 0"),
        ({"loop": 1}, "expected true or false for 'loop'"),
        ({"blinks": [3]}, "expected blinks within 0 to 2 seconds"),
        ({"channels": {"headPich": {"interpolation": "smooth", "keys": [[0, 0]]}}}, "got 'headPich'; did you mean headPitch"),
        ({"channels": {}}, "at least one channel"),
        (channel([[0, 0], [0, 1]], "smooth"), "expected rising times within 0 to 2 seconds in 'headPitch'"),
        (channel([[0, 0], [3, 1]], "smooth"), "expected rising times"),
        (channel([], "smooth"), "expected rising times"),
        (channel([[0, 90]], "smooth"), "headPitch from -30 to 30 degrees, got 90"),
        (channel([[0, 0, 0]], "smooth"), r"expected keys \[seconds, value\] in 'headPitch'"),
        (channel([[0, 0]], "bouncy"), "expected one of smooth, ease, linear, step as interpolation of 'headPitch', got 'bouncy'"),
        (channel([[0, 0], [2, 1]], "smooth", loop=True), "expected 'headPitch' to end as it starts"),
        ({"channels": {"headPitch": {"keys": [[0, 0]]}}}, "in 'headPitch'; missing interpolation"),
    ],
)
def test_bad_motion_is_refused_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=f"^p.json: .*{words}"):
        load_motion_preset(write(tmp_path, {**NOD, **change}))


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"name": NaN}', "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass")])
def test_what_is_not_a_preset_is_refused_by_name(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match="p.json"):
        load_expression(path)


def test_bad_presets_are_listed_with_the_reason_and_the_rest_still_loads(tmp_path: Path) -> None:
    write(tmp_path, SMILE)
    write(tmp_path, "{", "broken.json")
    write(tmp_path, " " * (1 << 20) + "{}", "huge.json")
    presets, problems = list_presets(tmp_path, load_expression)
    assert [p.name for p in presets] == ["p"]
    assert [p.path.name for p in problems] == ["broken.json", "huge.json"]
    assert "expected JSON" in problems[0].reason and "1024 KiB" in problems[1].reason


def test_preset_becomes_a_motion_on_top_of_a_face(tiny_head: HeadModel) -> None:
    units = unit_basis(tiny_head, tiny_head)
    preset = load_motion_preset(MOTIONS / "showreel.json")
    base = replace(tiny_head.neutral(), betas=torch.ones(3), translation=torch.tensor([0.0, 0.0, -0.7]))
    motion = preset_motion(preset, tiny_head, units, fps=Fraction(30000, 1001), base=base)
    assert (motion.frame_count, motion.fps, motion.head) == (240, Fraction(30000, 1001), tiny_head.id)
    smile = motion.expression[:, tiny_head.expression_names.index("mouthSmileLeft")]
    seconds = 100 * 1001 / 30000
    assert smile[100] == pytest.approx(controls_at(preset, seconds)["mouthSmileLeft"], abs=1e-5)
    expected = from_yaw_pitch_roll(torch.tensor([controls_at(preset, seconds)[n] for n in ("headYaw", "headPitch", "headRoll")]))
    torch.testing.assert_close(motion.global_orient[100], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(motion.betas, base.betas)
    assert (motion.translation[:, 2] + 0.7).abs().amax() < 0.05


def test_rest_of_the_showreel_is_found_as_its_neutral_frame(tiny_head: HeadModel) -> None:
    preset = load_motion_preset(MOTIONS / "showreel.json")
    motion = preset_motion(preset, tiny_head, unit_basis(tiny_head, tiny_head), fps=Fraction(30))
    found = controls_at(preset, find_neutral(motion, tiny_head).index / 30)
    assert abs(found["headYaw"]) < 3 and found["jawOpen"] < 0.03 and found["mouthSmileLeft"] < 0.2


def test_missing_folder_is_an_empty_list(tmp_path: Path) -> None:
    assert list_presets(tmp_path / "none", load_expression) == ([], [])
