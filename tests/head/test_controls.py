from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.controls import ARKIT_UNITS, CONTROLS, check_controls, control, mirror_controls


def test_names_are_unique_and_pinned() -> None:
    names = [c.name for c in CONTROLS]
    assert len(set(names)) == len(names)
    assert [n for n in names if n not in ARKIT_UNITS] == [
        "gazeYaw", "gazePitch", "eyeYawLeft", "eyeYawRight", "eyePitchLeft", "eyePitchRight",
        "headYaw", "headPitch", "headRoll", "headX", "headY", "headZ", "neckYaw", "neckPitch", "neckRoll",
    ]  # fmt: skip
    assert " ".join(ARKIT_UNITS) == (
        "browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft "
        "cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight "
        "eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft "
        "eyeWideRight jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft "
        "mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight "
        "mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft "
        "mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft "
        "noseSneerRight tongueOut"
    )


@pytest.mark.parametrize("c", CONTROLS, ids=lambda c: c.name)
def test_each_control_is_complete_and_rests_inside_its_range(c) -> None:
    assert c.minimum <= c.default <= c.maximum
    assert c.label[0].isupper() and c.help.endswith(".") and "{" not in c.help
    assert (c.unit == "share") == (c.name in ARKIT_UNITS)
    assert next(iter(mirror_controls({c.name: 0.5}))) in {other.name for other in CONTROLS}


def test_side_is_the_half_of_the_face_that_moves() -> None:
    assert control("eyeBlinkLeft").side == "left"
    assert control("eyeYawRight").side == "right"
    assert control("mouthLeft").side is None and control("jawRight").side is None


@given(st.dictionaries(st.sampled_from([c.name for c in CONTROLS]), st.floats(-1, 1)))
def test_mirroring_twice_changes_nothing(values: dict[str, float]) -> None:
    assert mirror_controls(mirror_controls(values)) == values


def test_mirror_swaps_sides_and_turns_yaw_but_not_pitch() -> None:
    values = {"eyeBlinkLeft": 0.3, "mouthLeft": 0.2, "headYaw": 10.0, "headPitch": 5.0, "headX": 1.0, "eyeYawLeft": 7.0}
    mirrored = {"eyeBlinkRight": 0.3, "mouthRight": 0.2, "headYaw": -10.0, "headPitch": 5.0, "headX": -1.0, "eyeYawRight": -7.0}
    assert mirror_controls(values) == mirrored


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mouthSmileLift": 0.5}, "did you mean mouthSmileLeft"),
        ({"zzz": 0.5}, "got 'zzz'"),
        ({"jawOpen": 1.5}, "expected jawOpen from 0 to 1, got 1.5"),
        ({"headYaw": 80}, "expected headYaw from -45 to 45 degrees, got 80"),
        ({"jawOpen": float("nan")}, "got nan"),
    ],
)
def test_bad_values_are_refused_with_a_way_out(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        check_controls(values)
    check_controls({c.name: c.maximum for c in CONTROLS})
