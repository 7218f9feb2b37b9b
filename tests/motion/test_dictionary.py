"""Motion directions: those that come along, and that learning finds again what a set was made of."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.units import unit_basis
from loki_core.motion.dictionary import MotionDirection, load_dictionary, motion_directions, push
from loki_core.motion.dictionary_learning import explained, face_samples, learn_directions

SMILE = MotionDirection("mouthSmile", "Smile", (("mouthSmileLeft", 1.0), ("mouthSmileRight", 0.5)))


def test_directions_that_come_along_are_named_after_what_they_move():
    found = {direction.name: direction for direction in motion_directions()}
    assert len(found) >= 15 and found["eyeBlink"].label == "Blink"
    assert {name for name, share in found["mouthSmile"].units if share > 0.5} == {"mouthSmileLeft", "mouthSmileRight"}


@given(st.sampled_from(motion_directions()), st.floats(-1, 1), st.floats(0, 1))
def test_a_push_stays_within_what_units_can_be_and_touches_no_others(direction, amount, start):
    values = dict.fromkeys(ARKIT_UNITS, start)
    pushed = push(values, direction, amount)
    assert pushed.keys() == dict(direction.units).keys()
    assert all(0 <= value <= 1 and (value - start) * amount >= 0 for value in pushed.values())


def test_a_push_and_back_is_where_it_began():
    there = push({"mouthSmileLeft": 0.2}, SMILE, 0.4)
    assert there == pytest.approx({"mouthSmileLeft": 0.6, "mouthSmileRight": 0.2})
    assert push(there, SMILE, -0.4) == pytest.approx({"mouthSmileLeft": 0.2, "mouthSmileRight": 0.0})


def test_a_direction_moves_any_head_that_has_its_units(tiny_head):
    units, rest = unit_basis(tiny_head, tiny_head), tiny_head.neutral(())
    moved = apply_controls(tiny_head, units, rest, push({}, SMILE, 1.0))
    assert moved.expression.tolist() == pytest.approx([0, 1, 0.5, 0])


def test_learning_finds_the_movements_that_faces_are_made_of():
    rng, atoms = np.random.default_rng(0), np.zeros((3, len(ARKIT_UNITS)))
    for row, names in enumerate((("eyeBlinkLeft", "eyeBlinkRight"), ("jawOpen", "mouthFunnel"), ("noseSneerLeft",))):
        atoms[row, [ARKIT_UNITS.index(name) for name in names]] = 1
    faces = (rng.random((150, 3)) * (rng.random((150, 3)) < 0.5)) @ atoms
    learned = learn_directions(faces, 3, sparsity=0.05, seed=0)
    assert {frozenset(dict(d.units)) for d in learned} == {
        frozenset({"eyeBlinkLeft", "eyeBlinkRight"}),
        frozenset({"jawOpen", "mouthFunnel"}),
        frozenset({"noseSneerLeft"}),
    }
    assert {"Blink", "Nose wrinkle, left"} < {d.label for d in learned}
    assert explained(faces, learned) > 0.99


def test_samples_hold_generators_and_random_faces_where_there_is_no_preset(tiny_head):
    few, more = (face_samples(tiny_head, [], [], drawn=drawn, seed=1) for drawn in (0, 5))
    assert len(more) == len(few) + 5 and few.shape[1] == len(ARKIT_UNITS) == 52
    np.testing.assert_array_equal(more[: len(few)], few)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"directions": [{"name": "a", "label": "A", "units": []}]}',
        '{"directions": [{"name": "a", "label": "A", "units": [["jawOpen", 2.0]]}]}',
        '{"directions": [{"name": "a", "label": "A", "units": [["headYaw", 1.0]]}]}',
        '{"directions": [{"name": "a", "label": "A", "units": [["grin", 1.0]]}]}',
        json.dumps({"directions": [{"name": "a", "label": "A", "units": [["jawOpen", 1.0]]}] * 2}),
    ],
)
def test_what_is_no_dictionary_is_refused(tmp_path, text):
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(InputError):
        load_dictionary(tmp_path / "d.json")
