"""Whole faces: expressions by strength and region, mixtures, recordings, and the user's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loki_core.errors import InputError
from loki_core.head.controls import CONTROLS, control
from loki_core.motion.own_expressions import MOST_OWN
from loki_core.motion.presets import ExpressionPreset
from loki_core.timeline.faces import (
    drop_expression,
    mixture,
    rename_expression,
    scaled,
    with_expression,
    with_own,
    with_recording,
)
from loki_core.timeline.layers import REGIONS, hand_values
from loki_core.timeline.state import (
    StudioState,
    hand_layer,
    values_at_playhead,
    with_controls,
    with_frame,
    with_keys,
)

SMILE = {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.6, "cheekSquintLeft": 0.5, "headPitch": -8.0}
OPEN = {"jawOpen": 1.0, "browInnerUp": 0.4}
NAMES = st.sampled_from([known.name for known in CONTROLS])
SHARE = st.floats(0, 1)
OWN = ExpressionPreset("own-1", "Wry", ("left",), (("jawOpen", 0.25),))


@st.composite
def expressions(draw: st.DrawFn) -> dict[str, float]:
    names = draw(st.lists(NAMES, max_size=6, unique=True))
    return {name: draw(st.floats(control(name).minimum, control(name).maximum)) for name in names}


def test_an_expression_at_half_strength_goes_half_the_way():
    state = with_expression(StudioState(), SMILE, strength=0.5)
    assert values_at_playhead(state) == {name: pytest.approx(value / 2) for name, value in SMILE.items()}


def test_an_expression_of_no_strength_is_the_face_at_rest():
    assert values_at_playhead(with_expression(with_controls(StudioState(), OPEN), SMILE, strength=0)) == {}


def test_only_the_chosen_regions_change():
    state = with_controls(StudioState(), {"browInnerUp": 0.3, "mouthFunnel": 0.5})
    changed = values_at_playhead(with_expression(state, {**SMILE, **OPEN}, regions=("mouth", "cheeks")))
    assert changed == {name: SMILE.get(name, 0.3) for name in (*SMILE, "browInnerUp") if name != "headPitch"}


def test_the_head_stays_turned_unless_the_expression_turns_it():
    state = with_controls(StudioState(), {"headPitch": 5.0, "neckYaw": 4.0})
    assert values_at_playhead(with_expression(state, OPEN)) == {"headPitch": 5.0, "neckYaw": 4.0, **OPEN}
    assert values_at_playhead(with_expression(state, SMILE))["headPitch"] == -8.0


def test_keys_elsewhere_stay_when_an_expression_is_put_on_a_keyed_face():
    state = with_keys(with_controls(StudioState(), OPEN), OPEN)
    later = with_expression(with_frame(state, 20, frame_count=50), SMILE)
    layer = hand_layer(later)
    assert [(key.frame, key.value) for key in layer.tracks.table()["jawOpen"].keys] == [(0, 1.0), (20, 0.0)]
    assert values_at_playhead(with_frame(later, 0, frame_count=50))["browInnerUp"] == 0.4


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(strength: float):
    with pytest.raises(InputError, match="strength"):
        scaled(SMILE, strength)


@given(expressions(), SHARE, st.sets(st.sampled_from(REGIONS)))
def test_a_scaled_expression_lies_between_rest_and_itself(values: dict[str, float], strength: float, regions: set[str]):
    got = scaled(values, strength, [name for name in REGIONS if name in regions])
    assert set(got) == {name for name in values if control(name).group in regions}
    for name, value in got.items():
        low, high = sorted((control(name).default, values[name]))
        assert low - 1e-9 <= value <= high + 1e-9


@given(st.lists(expressions(), min_size=4, max_size=4), SHARE, SHARE)
def test_a_mixture_is_the_sum_of_its_corners_by_area(corners: list[dict[str, float]], x: float, y: float):
    mixed = mixture(corners, np.array([x]), np.array([y]))
    for name in {name for corner in corners for name in corner}:
        top = (1 - x) * corners[0].get(name, 0) + x * corners[1].get(name, 0)
        bottom = (1 - x) * corners[2].get(name, 0) + x * corners[3].get(name, 0)
        assert mixed[name][0] == pytest.approx((1 - y) * top + y * bottom, abs=1e-9)
        assert control(name).minimum <= mixed[name][0] <= control(name).maximum


@pytest.mark.parametrize(("corner", "x", "y"), [(0, 0.0, 0.0), (1, 1.0, 0.0), (2, 0.0, 1.0), (3, 1.0, 1.0)])
def test_a_corner_of_the_pad_is_its_expression_alone(corner: int, x: float, y: float):
    faces: list[dict[str, float]] = [{}, {}, {}, {}]
    faces[corner] = SMILE
    assert {name: float(column[0]) for name, column in mixture(faces, np.array([x]), np.array([y])).items()} == SMILE


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1)), st.integers(0, 60), st.floats(0.001, 0.3))
def test_a_recording_is_close_in_every_frame_and_leaves_the_others(values: np.ndarray, first: int, tolerance: float):
    before = with_keys(with_controls(StudioState(), {"jawOpen": 0.2, "mouthFunnel": 0.7}), ["jawOpen"])
    after = with_recording(before, {"jawOpen": values}, first, tolerance=tolerance)
    inside, stop = np.arange(first, first + len(values)), first + len(values)
    got = hand_values(hand_layer(after), inside.astype(float))
    assert np.abs(got["jawOpen"] - values).max() <= tolerance + 1e-9
    assert (got["mouthFunnel"] == 0.7).all()
    outside = np.array([frame for frame in range(120) if frame < first or frame >= stop], dtype=float)
    assert hand_values(hand_layer(after), outside)["jawOpen"] == pytest.approx(0.2)


def test_a_recording_over_keys_takes_the_place_of_those_within_it():
    state = StudioState()
    for frame, value in ((5, 0.5), (15, 1.0), (40, 0.25)):
        state = with_frame(state, frame, frame_count=100)
        state = with_keys(with_controls(state, {"jawOpen": value}), ["jawOpen"])
    after = hand_layer(with_recording(state, {"jawOpen": np.full(10, 0.125)}, 10, tolerance=0.01)).tracks.table()["jawOpen"]
    assert [key.frame for key in after.keys] == [5, 9, 10, 19, 20, 40]
    assert [key.value for key in after.keys if 10 <= key.frame < 20] == [0.125, 0.125]


def test_own_expressions_are_kept_renamed_and_dropped():
    state = with_own(with_own(StudioState(), OWN), replace(OWN, name="own-2", label="Dry"))
    assert [own.label for own in state.expressions] == ["Dry", "Wry"]
    renamed = rename_expression(state, "own-1", "Wry left")
    assert [own.label for own in renamed.expressions] == ["Dry", "Wry left"]
    assert drop_expression(renamed, "own-2").expressions == (replace(OWN, label="Wry left"),)


@pytest.mark.parametrize(
    "wrong", [{"name": "smile"}, {"label": " "}, {"label": "a\nb"}, {"tags": ("",)}, {"values": (("jaw", 1.0),)}]
)
def test_what_is_no_own_expression_is_refused(wrong: dict[str, Any]):
    with pytest.raises(InputError):
        with_own(StudioState(), replace(OWN, **wrong))


def test_own_expressions_that_are_gone_twice_there_or_too_many_are_refused():
    state = with_own(StudioState(), OWN)
    full = replace(state, expressions=tuple(replace(OWN, name=f"own-{number}") for number in range(MOST_OWN)))
    for act in (
        lambda: with_own(state, OWN),
        lambda: rename_expression(state, "own-9", "Wry"),
        lambda: rename_expression(state, "own-1", "x" * 61),
        lambda: drop_expression(state, "own-9"),
        lambda: with_own(full, replace(OWN, name="own-x")),
    ):
        with pytest.raises(InputError):
            act()
