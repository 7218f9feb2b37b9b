"""Keyed turns against scipy's spherical interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from loki_core.timeline.layers import hand_values
from loki_core.timeline.state import StudioState, hand_layer, with_controls, with_frame, with_keys, with_tracks
from loki_core.timeline.tracks import set_interpolation

NAMES = ("headYaw", "headPitch", "headRoll")
angles = st.tuples(st.floats(-45, 45), st.floats(-30, 30), st.floats(-35, 35))


def keyed(first: tuple[float, ...], last: tuple[float, ...], kind: str = "linear") -> StudioState:
    state = with_keys(with_controls(StudioState(), dict(zip(NAMES, first, strict=True))), NAMES)
    state = with_controls(with_frame(state, 20, frame_count=50), dict(zip(NAMES, last, strict=True)))
    every = frozenset((name, frame) for name in NAMES for frame in (0, 20))
    return with_tracks(state, set_interpolation(hand_layer(state).tracks, every, kind))  # type: ignore[arg-type]


def sampled(state: StudioState, frames: np.ndarray) -> dict[str, np.ndarray]:
    return hand_values(hand_layer(state), frames)


def rotations(state: StudioState, frames: np.ndarray) -> Rotation:
    values = sampled(state, frames)
    return Rotation.from_euler("YXZ", np.stack([values[name] for name in NAMES], axis=1), degrees=True)


@given(angles, angles)
def test_a_straight_turn_is_the_shortest_way_at_constant_speed(first: tuple[float, ...], last: tuple[float, ...]) -> None:
    frames = np.linspace(0, 20, 41)
    ends = Rotation.from_euler("YXZ", [first, last], degrees=True)
    off = (rotations(keyed(first, last), frames) * Slerp([0, 20], ends)(frames).inv()).magnitude()
    assert np.degrees(off).max() < 0.02


@given(angles, angles, st.sampled_from(["constant", "linear", "ease", "bezier"]))
def test_keys_are_met_and_nothing_is_longer_than_the_way(first: tuple[float, ...], last: tuple[float, ...], kind: str) -> None:
    state = keyed(first, last, kind)
    at_keys = sampled(state, np.array([0.0, 20.0]))
    assert [(at_keys[name][0], at_keys[name][1]) for name in NAMES] == list(zip(first, last, strict=True))
    path = rotations(state, np.linspace(0, 19.999, 30))
    steps = (path[1:] * path[:-1].inv()).magnitude().sum()
    ends = Rotation.from_euler("YXZ", [first, last], degrees=True)
    assert steps <= (ends[1] * ends[0].inv()).magnitude() + 1e-3


def test_one_angle_alone_and_keys_apart_are_left_as_they_are() -> None:
    state = with_keys(with_controls(StudioState(), {"headYaw": 10, "headPitch": 5}), ["headYaw"])
    values = sampled(state, np.arange(3.0))
    assert values["headYaw"].tolist() == [10] * 3 and values["headPitch"].tolist() == pytest.approx([5] * 3)
