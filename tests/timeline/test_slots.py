"""Two drivers on one face as layers, against coefficients put together by hand."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.params import FlameParams
from loki_core.motion.retarget import RetargetSettings
from loki_core.timeline.apart import perform_apart
from loki_core.timeline.evaluate import evaluate_layers
from loki_core.timeline.layers import REGIONS, Layer, with_region
from loki_core.timeline.performance import perform
from loki_core.timeline.slots import (
    REGIONS_OF,
    SIDES,
    Side,
    Slots,
    fill_slot,
    free_slot,
    leave_one,
    sides_of,
    slots_of,
    sounding_layer,
)
from loki_core.timeline.state import StudioState, add_layer, change_layer, drop_layer, with_control, with_motion, with_selected
from tests.timeline.test_layers import HEAD, LENGTH, MOTIONS, PORTRAIT, UNITS

ALONE = with_motion(StudioState(), "driver", "A", Fraction(30))
PAIR = fill_slot(ALONE, "1", "expression", "other", "B")


def told(state: StudioState, name: str = "1") -> tuple[str, str]:
    """What pose and expression come from."""
    slots = slots_of(state.layers, next(layer for layer in state.layers if layer.id == name))
    return tuple("" if layer is None else layer.source for layer in (slots.pose, slots.expression))  # type: ignore[return-value]


def evaluated(state: StudioState) -> FlameParams:
    def source(layer: Layer) -> tuple[FlameParams, float]:
        return perform(MOTIONS[layer.source], PORTRAIT, HEAD, UNITS, layer.retarget), 1.0

    return evaluate_layers(state.layers, source, PORTRAIT, HEAD, UNITS, np.arange(float(LENGTH)))


def test_one_clip_gives_both_until_another_gives_the_expression():
    assert told(ALONE) == ("driver", "driver") and len(ALONE.layers) == 1
    assert told(PAIR) == told(PAIR, "2") == ("driver", "other")
    assert [(layer.name, sides_of(layer)) for layer in PAIR.layers] == [("A", ("pose",)), ("B", ("expression",))]


def test_two_drivers_are_the_same_coefficients_as_the_command_lines():
    made = evaluated(PAIR)
    oracle = perform_apart(MOTIONS["driver"], MOTIONS["other"], PORTRAIT, HEAD, UNITS, RetargetSettings())
    assert all(torch.equal(getattr(made, f.name), getattr(oracle, f.name)) for f in fields(made))


def test_expression_alone_leaves_the_portraits_pose_and_pose_alone_its_face():
    face, turned, both = (
        evaluated(free_slot(ALONE, "1", "pose")),
        evaluated(free_slot(ALONE, "1", "expression")),
        evaluated(ALONE),
    )
    still = evaluated(StudioState())
    for name in ("global_orient", "neck_pose", "translation"):
        assert torch.equal(getattr(face, name), getattr(still, name))
        assert torch.equal(getattr(turned, name), getattr(both, name))
    for name in ("expression", "jaw_pose", "eye_pose"):
        assert torch.equal(getattr(turned, name), getattr(still, name))
        assert torch.equal(getattr(face, name), getattr(both, name))


def test_the_same_clip_in_both_slots_is_one_layer_again():
    assert fill_slot(PAIR, "1", "expression", "driver", "A") == ALONE
    swapped = fill_slot(PAIR, "1", "pose", "other", "B")
    assert told(swapped, "2") == ("other", "other") and len(swapped.layers) == 1


def test_none_takes_a_half_away_and_the_clip_brings_it_back():
    alone = free_slot(with_selected(PAIR, "1"), "1", "pose")
    assert told(alone, "2") == ("", "other") and alone.look.layer == "2"
    assert free_slot(alone, "2", "pose") == alone
    assert told(fill_slot(alone, "2", "pose", "other", "B"), "2") == ("other", "other")
    assert told(fill_slot(alone, "2", "pose", "driver", "A"), "2") == ("driver", "other")


def test_one_side_can_be_left_alone_and_the_switch_turns_from_one_to_the_other():
    expression = leave_one(ALONE, "1", "expression")
    assert told(expression) == ("", "driver")
    assert told(leave_one(expression, "1", "pose")) == ("driver", "")
    assert leave_one(expression, "1", "expression") == expression
    assert told(leave_one(PAIR, "1", "expression"), "2") == ("", "other") and told(leave_one(PAIR, "2", "pose")) == ("driver", "")


def test_nothing_at_all_is_refused_and_so_are_layers_set_by_hand():
    with pytest.raises(InputError, match="neither"):
        free_slot(free_slot(ALONE, "1", "pose"), "1", "expression")
    edited = with_control(ALONE, "jawOpen", 0.5)
    for name in ("hand", "99"):
        with pytest.raises(InputError, match="follows a clip"):
            fill_slot(edited, name, "pose", "other", "B")


def test_another_clip_in_a_slot_starts_anew_and_keeps_time_and_faders():
    followed = RetargetSettings(neutral=3)
    placed = change_layer(PAIR, "2", lambda layer: replace(layer, offset=5, speed=2.0, stop=90, retarget=followed))
    own = change_layer(placed, "2", lambda layer: with_region(layer, "mouth", 0.5))
    other = next(layer for layer in fill_slot(own, "1", "expression", "third", "C").layers if layer.id == "2")
    assert (other.source, other.name, other.offset, other.speed, other.stop) == ("third", "C", 0, 1.0, 90)
    assert other.retarget.neutral is None and dict(other.regions)["mouth"] == 0.5
    assert told(fill_slot(own, "1", "pose", "third", "C")) == ("third", "other")


def test_shares_of_single_regions_go_with_their_side():
    faded = change_layer(ALONE, "1", lambda layer: with_region(with_region(layer, "mouth", 0.4), "neck", 0.6))
    pose, expression = fill_slot(faded, "1", "expression", "other", "B").layers
    assert dict(pose.regions) == {**dict.fromkeys(REGIONS_OF["expression"], 0.0), "neck": 0.6}
    assert dict(expression.regions) == {"mouth": 0.4, "head": 0.0, "neck": 0.0}


def test_a_layer_that_is_faded_out_gets_back_what_is_chosen():
    gone = change_layer(ALONE, "1", lambda layer: replace(layer, regions=tuple((region, 0.0) for region in REGIONS)))
    assert slots_of(gone.layers, gone.layers[0]) == Slots(None, None)
    assert told(fill_slot(gone, "1", "pose", "driver", "A")) == ("driver", "")


def test_a_deleted_half_leaves_its_slot_empty():
    assert told(drop_layer(PAIR, "2")) == ("driver", "") and told(drop_layer(PAIR, "1"), "2") == ("", "other")


def test_layers_of_other_times_and_ways_do_not_belong_together():
    short = change_layer(PAIR, "1", lambda layer: replace(layer, stop=50))
    later = change_layer(short, "2", lambda layer: replace(layer, first=50))
    added = change_layer(short, "2", lambda layer: replace(layer, mode="additive"))
    assert told(short) == ("driver", "other")
    for apart in (later, added):
        assert told(apart) == ("driver", "") and told(apart, "2") == ("", "other")


def test_of_three_neighbours_the_upper_two_belong_together():
    third = free_slot(add_layer(PAIR, Layer("", "C", "third")), "3", "expression")
    assert told(third, "3") == told(third, "2") == ("third", "other") and told(third) == ("driver", "")


def test_the_clip_that_moves_the_mouth_is_heard():
    assert sounding_layer(StudioState()) is None
    assert sounding_layer(ALONE) == ALONE.layers[0] and sounding_layer(PAIR) == PAIR.layers[1]
    assert sounding_layer(fill_slot(ALONE, "1", "pose", "other", "B")) == replace(
        PAIR.layers[1], id="1", name="A", source="driver"
    )
    nodding = free_slot(ALONE, "1", "expression")
    assert sounding_layer(nodding) == nodding.layers[0]


@given(st.lists(st.tuples(st.sampled_from(SIDES), st.sampled_from(["", "driver", "other", "third"])), max_size=8))
def test_slots_show_what_was_chosen_last_in_as_many_layers_as_clips(choices: list[tuple[Side, str]]):
    state, wanted = with_selected(ALONE, "1"), {"pose": "driver", "expression": "driver"}
    for side, source in choices:
        if not any({**wanted, side: source}.values()):
            continue
        wanted[side] = source
        name = state.look.layer
        state = fill_slot(state, name, side, source, source) if source else free_slot(state, name, side)
        assert told(state, state.look.layer) == (wanted["pose"], wanted["expression"])
        assert len(state.layers) == len(set(wanted.values()) - {""})
        assert all(share == 0 for layer in state.layers for _, share in layer.regions)
