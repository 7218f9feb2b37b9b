"""What a hand does to keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.controls import CONTROLS
from loki_core.timeline.tracks import (
    Selection,
    Tracks,
    copy_keys,
    delete_keys,
    drop_tracks,
    mirror_keys,
    move_keys,
    paste_keys,
    sample_tracks,
    scale_keys,
    set_handle,
    set_interpolation,
    set_keys,
    shift_keys,
)

NAMES = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "headYaw", "gazePitch")
RANGES = {c.name: (c.minimum, c.maximum) for c in CONTROLS}


@st.composite
def tracks(draw: st.DrawFn) -> Tracks:
    made = Tracks()
    for name in NAMES:
        for frame in draw(st.sets(st.integers(0, 40), max_size=4)):
            made = set_keys(made, frame, {name: draw(st.floats(*RANGES[name]))})
    return made


@st.composite
def selected(draw: st.DrawFn) -> tuple[Tracks, Selection]:
    made = draw(tracks())
    keys = sorted(everything(made))
    return made, frozenset(draw(st.sets(st.sampled_from(keys)))) if keys else frozenset()


def everything(made: Tracks) -> Selection:
    return frozenset((name, key.frame) for name, curve in made.curves for key in curve.keys)


@given(selected(), st.integers(-100, 100))
def test_moving_there_and_back_changes_nothing_where_no_key_is_hit(case: tuple[Tracks, Selection], frames: int) -> None:
    made, selection = case
    moved = move_keys(made, selection, frames)
    if len(everything(moved)) == len(everything(made)):
        assert move_keys(moved, frozenset((name, frame + frames) for name, frame in selection), -frames) == made


@given(selected(), st.integers(-100, 100))
def test_shifting_by_no_amount_is_moving(case: tuple[Tracks, Selection], frames: int) -> None:
    made, selection = case
    assert shift_keys(made, selection, frames, {}) == move_keys(made, selection, frames)


@given(selected(), st.floats(-2, 2), st.floats(-90, 90))
def test_shifted_values_move_by_their_unit_and_stay_in_range(
    case: tuple[Tracks, Selection], share: float, degrees: float
) -> None:
    made, selection = case
    shifted = shift_keys(made, selection, 0, {"share": share, "degrees": degrees}).table()
    for name, curve in made.curves:
        amount = degrees if name in ("headYaw", "gazePitch") else share
        for key, now in zip(curve.keys, shifted[name].keys, strict=True):
            assert now.value == (np.clip(key.value + amount, *RANGES[name]) if (name, key.frame) in selection else key.value)


@given(selected(), st.integers(-50, 50))
def test_what_is_pasted_is_what_was_copied(case: tuple[Tracks, Selection], frame: int) -> None:
    made, selection = case
    clipboard = copy_keys(made, selection)
    pasted = paste_keys(Tracks(), clipboard, frame)
    assert copy_keys(pasted, everything(pasted)) == clipboard
    assert paste_keys(made, clipboard, min((f for _, f in selection), default=0)) == made


@given(tracks())
def test_a_mirror_of_everything_undoes_itself(made: Tracks) -> None:
    once = mirror_keys(made, everything(made))
    assert mirror_keys(once, everything(once)) == made


@given(selected())
def test_what_is_deleted_is_gone_and_nothing_else(case: tuple[Tracks, Selection]) -> None:
    made, selection = case
    assert everything(delete_keys(made, selection)) == everything(made) - selection


@given(selected(), st.integers(0, 40), st.floats(1.0, 4.0))
def test_scaling_keeps_the_pivot_and_the_order(case: tuple[Tracks, Selection], pivot: int, factor: float) -> None:
    made, _ = case
    scaled = scale_keys(made, everything(made), pivot, factor)
    for name, curve in scaled.curves:
        assert [key.frame for key in curve.keys] == sorted(
            round(pivot + (key.frame - pivot) * factor) for key in made.table()[name].keys
        )


@given(tracks(), st.integers(0, 40))
def test_a_key_set_at_the_value_of_its_curve_is_met(made: Tracks, frame: int) -> None:
    for name, values in sample_tracks(made, np.array([float(frame)])).items():
        value = float(np.clip(values[0], *RANGES[name]))
        again = set_keys(made, frame, {name: value})
        assert sample_tracks(again, np.array([float(frame)]))[name][0] == value


def test_interpolation_and_handles_belong_to_their_keys() -> None:
    made = set_keys(set_keys(Tracks(), 0, {"jawOpen": 0.0}), 10, {"jawOpen": 1.0})
    middle = np.array([5.0])
    held = set_interpolation(made, frozenset({("jawOpen", 0)}), "constant")
    assert sample_tracks(held, middle)["jawOpen"][0] == 0
    straight = set_interpolation(made, frozenset({("jawOpen", 0)}), "linear")
    assert sample_tracks(straight, middle)["jawOpen"][0] == 0.5
    early = set_handle(made, "jawOpen", 0, left=(-1.0, 0.0), right=(1.0, 0.9))
    assert sample_tracks(early, middle)["jawOpen"][0] > 0.6


def test_tracks_are_dropped_whole() -> None:
    made = set_keys(Tracks(), 3, {"jawOpen": 0.2, "headYaw": 10})
    assert dict(drop_tracks(made, ["jawOpen"]).curves).keys() == {"headYaw"} and made.last_frame == 3
    assert Tracks().last_frame == -1


def test_keys_out_of_range_or_of_no_control_are_refused() -> None:
    with pytest.raises(InputError, match="jawOpen from 0 to 1"):
        set_keys(Tracks(), 0, {"jawOpen": 2})
    with pytest.raises(InputError, match="did you mean"):
        set_keys(Tracks(), 0, {"jawOpn": 0.1})
    with pytest.raises(InputError, match="found none"):
        set_handle(Tracks(), "jawOpen", 3, left=(-1, 0), right=(1, 0))
    with pytest.raises(InputError, match="above 0"):
        scale_keys(Tracks(), frozenset(), 0, 0)


def test_a_mirrored_turn_bends_the_other_way_even_at_zero() -> None:
    made = set_handle(
        set_keys(set_keys(Tracks(), 0, {"headYaw": 0.0}), 10, {"headYaw": 0.0}), "headYaw", 0, left=(-1, 0), right=(3, 12)
    )
    middle = np.array([4.0])
    there = sample_tracks(mirror_keys(made, everything(made)), middle)["headYaw"][0]
    assert there == pytest.approx(-sample_tracks(made, middle)["headYaw"][0]) != 0


def test_keys_that_are_gone_from_a_selection_move_nothing() -> None:
    made = set_keys(Tracks(), 10, {"mouthSmileLeft": 0.5})
    mirrored = mirror_keys(made, frozenset({("mouthSmileLeft", 10), ("jawOpen", 2)}))
    assert everything(mirrored) == {("mouthSmileRight", 10)}
