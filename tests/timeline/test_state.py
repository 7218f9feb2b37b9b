from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.controls import CONTROLS
from loki_core.timeline.history import History, record, redo, undo
from loki_core.timeline.layers import Layer
from loki_core.timeline.state import (
    RenderChoice,
    StudioState,
    add_layer,
    change_layer,
    copy_layer,
    drop_layer,
    hand_layer,
    lift_layer,
    motion_layer,
    values_at_playhead,
    with_control,
    with_controls,
    with_frame,
    with_keys,
    with_look,
    with_motion,
    with_portrait,
    with_render_setting,
    with_renderer,
    with_selected,
    with_tracks,
    with_trim,
    without_controls,
    work_hash,
)

settings = st.sampled_from(CONTROLS).flatmap(lambda c: st.tuples(st.just(c.name), st.floats(c.minimum, c.maximum)))


def test_a_state_is_hashable_and_equal_by_value():
    assert with_control(StudioState(), "jawOpen", 0.5) == with_control(StudioState(), "jawOpen", 0.5)
    assert len({StudioState(), StudioState(), with_portrait(StudioState(), "a")}) == 2


def test_the_order_of_edits_to_different_controls_leaves_no_trace():
    one = with_control(with_control(StudioState(), "jawOpen", 0.5), "headYaw", 10)
    other = with_control(with_control(StudioState(), "headYaw", 10), "jawOpen", 0.5)
    assert work_hash(one) == work_hash(other)


def test_linked_sides_move_together_and_unlinked_ones_do_not():
    linked = with_control(StudioState(), "mouthSmileLeft", 0.5)
    assert values_at_playhead(linked).get("mouthSmileRight", 0) == 0.5
    apart = with_control(with_look(StudioState(), "linked", False), "mouthSmileLeft", 0.5)
    assert values_at_playhead(apart).get("mouthSmileRight", 0) == 0


def test_a_linked_eye_turns_its_partner_the_mirrored_way():
    state = with_control(StudioState(), "eyeYawLeft", 10)
    assert values_at_playhead(state).get("eyeYawRight", 0) == -10


def test_moving_the_mouth_to_one_side_does_not_move_it_to_the_other():
    assert values_at_playhead(with_control(StudioState(), "mouthLeft", 0.5)).get("mouthRight", 0) == 0


@given(setting=settings)
def test_reset_is_as_if_never_set(setting):
    name, value = setting
    state = with_controls(StudioState(), {name: value})
    assert without_controls(state, [name]) == StudioState()


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_value_out_of_range_is_refused(value):
    with pytest.raises(InputError, match="expected jawOpen from 0 to 1"):
        with_control(StudioState(), "jawOpen", value)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="did you mean jawOpen"):
        with_control(StudioState(), "jawOpn", 0.5)
    with pytest.raises(InputError, match="expected one of side, wipe, map, warp, portrait for 'view', got 'x-ray'"):
        with_look(StudioState(), "view", "x-ray")
    with pytest.raises(InputError, match="expected one of view, map, tool, loop, linked"):
        with_look(StudioState(), "frame", 3)


def test_a_range_lies_within_the_motion():
    assert with_trim(StudioState(), 5, 10, frame_count=20).trim == (5, 10)
    assert with_trim(StudioState(), 0, 20, frame_count=20).trim is None
    for first, stop in ((5, 5), (-1, 5), (5, 21)):
        with pytest.raises(InputError, match="expected a range"):
            with_trim(StudioState(), first, stop, frame_count=20)


def test_the_playhead_stays_within_the_motion():
    assert with_frame(StudioState(), 99, frame_count=20).look.frame == 19
    assert with_frame(StudioState(), -5, frame_count=20).look.frame == 0


def test_a_new_motion_starts_at_its_beginning_and_keeps_the_edits():
    state = with_control(with_frame(StudioState(), 5, frame_count=9), "jawOpen", 0.5)
    changed = with_motion(replace(state, trim=(1, 3)), "nod")
    assert changed.look.frame == 0 and changed.trim is None and hand_layer(changed).controls == hand_layer(state).controls


def test_looking_elsewhere_is_not_work():
    state = with_look(with_look(with_frame(StudioState(), 5, frame_count=9), "view", "map"), "loop", False)
    assert work_hash(state) == work_hash(StudioState())


@given(edits=st.lists(settings, max_size=20))
def test_undoing_everything_and_redoing_it_is_identity(edits):
    history = History()
    for name, value in edits:
        history = record(history, with_control(history.present, name, value))
    undone = history
    for _ in edits:
        undone = undo(undone)
    assert undone.present == StudioState()
    for _ in edits:
        undone = redo(undone)
    assert undone.present == history.present


def test_one_drag_is_one_step():
    history = History()
    for value in (0.1, 0.2, 0.3):
        history = record(history, with_control(history.present, "jawOpen", value), gesture="drag 1")
    history = record(history, with_control(history.present, "jawOpen", 0.6), gesture="drag 2")
    assert values_at_playhead(undo(history).present)["jawOpen"] == 0.3
    assert undo(undo(history)).present == StudioState()


def test_undo_keeps_the_playhead_and_the_view():
    history = record(History(), with_control(StudioState(), "jawOpen", 0.5))
    history = record(history, with_look(with_frame(history.present, 7, frame_count=9), "view", "map"))
    undone = undo(history).present
    assert hand_layer(undone).controls == () and undone.look.frame == 7 and undone.look.view == "map"


def test_a_new_edit_forgets_what_was_undone():
    history = undo(record(History(), with_control(StudioState(), "jawOpen", 0.5)))
    history = record(history, with_control(history.present, "headYaw", 5))
    assert redo(history) == history


def test_history_is_bounded():
    history = History()
    for step in range(600):
        history = record(history, with_control(history.present, "headYaw", step / 100))
    assert len(history.past) == 500


def test_undo_without_a_past_changes_nothing():
    assert undo(History()) == History() == redo(History())


def at(state: StudioState, frame: int) -> StudioState:
    return with_frame(state, frame, frame_count=100)


def test_a_keyed_control_takes_keys_and_the_others_stay_as_they_are():
    state = with_keys(with_control(StudioState(), "jawOpen", 0.5), ["jawOpen"])
    assert hand_layer(state).controls == () and values_at_playhead(at(state, 50)) == {"jawOpen": 0.5}
    state = with_control(with_control(at(state, 20), "jawOpen", 1.0), "headYaw", 10)
    assert dict(hand_layer(state).controls) == {"headYaw": 10.0}
    assert values_at_playhead(at(state, 0))["jawOpen"] == 0.5 < values_at_playhead(at(state, 10))["jawOpen"] < 1


def test_with_autokey_every_change_is_a_key():
    state = with_control(at(with_look(StudioState(), "autokey", True), 7), "mouthSmileLeft", 0.4)
    assert hand_layer(state).controls == ()
    assert {name: [key.frame for key in curve.keys] for name, curve in hand_layer(state).tracks.curves} == {
        "mouthSmileLeft": [7], "mouthSmileRight": [7],
    }  # fmt: skip


def test_reset_takes_the_keys_away_too():
    state = with_keys(with_control(StudioState(), "jawOpen", 0.5), ["jawOpen", "headYaw"])
    assert without_controls(state, ["jawOpen", "headYaw"]) == StudioState()


def test_other_keys_take_the_place_of_what_was_set():
    state = with_control(StudioState(), "jawOpen", 0.5)
    keyed = hand_layer(with_keys(state, ["jawOpen"])).tracks
    assert hand_layer(with_tracks(state, keyed)).controls == ()


def test_keys_are_work():
    assert work_hash(with_keys(StudioState(), ["jawOpen"])) != work_hash(StudioState())


def stack(*names: str) -> StudioState:
    state = StudioState()
    for name in names:
        state = add_layer(state, Layer("", name, "" if name.startswith("edit") else name))
    return state


def test_a_new_performance_lies_under_the_edits():
    assert order(stack("walk", "edit", "nod")) == ["walk", "nod", "edit"]
    assert order(stack("edit", "walk")) == ["walk", "edit"]


def order(state: StudioState) -> list[str]:
    return [layer.name for layer in state.layers]


def test_layers_are_lifted_copied_and_dropped_by_their_id():
    state = stack("walk", "nod", "edit")
    walk = state.layers[0].id
    assert order(lift_layer(state, walk, 1)) == ["nod", "walk", "edit"] and order(lift_layer(state, walk, 9))[-1] == "walk"
    assert order(lift_layer(state, walk, -1)) == order(state)
    assert order(copy_layer(state, walk)) == ["walk", "nod", "walk", "edit"]
    assert len({layer.id for layer in copy_layer(state, walk).layers}) == 4
    assert order(drop_layer(state, walk)) == ["nod", "edit"]
    with pytest.raises(InputError, match="may have been deleted"):
        drop_layer(drop_layer(state, walk), walk)


def test_edits_go_to_the_chosen_layer_for_hands_else_to_the_highest():
    state = stack("nod", "edit one", "edit two")
    nod, one, two = (layer.id for layer in state.layers)
    assert hand_layer(with_selected(state, nod)).id == two
    edited = with_control(with_selected(state, one), "jawOpen", 0.5)
    assert [dict(layer.controls) for layer in edited.layers] == [{}, {"jawOpen": 0.5}, {}]
    assert values_at_playhead(with_selected(edited, two)) == {}


def test_a_layer_for_hands_comes_with_the_first_edit_and_goes_with_the_last():
    state = with_control(stack("walk"), "jawOpen", 0.5)
    assert [layer.by_hand for layer in state.layers] == [False, True]
    assert without_controls(state, ["jawOpen"]).layers == stack("walk").layers
    assert order(with_control(stack("edit"), "jawOpen", 0.0)) == ["edit"]


def test_the_lowest_motion_gives_the_rate_and_keeps_its_gains():
    state = with_motion(stack("edit"), "walk", "Walk", Fraction(24000, 1001))
    assert order(state) == ["Walk", "edit"] and state.fps == (24000, 1001)
    moved = change_layer(
        state, state.layers[0].id, lambda layer: replace(layer, retarget=replace(layer.retarget, jaw=1.5), first=9)
    )
    other = motion_layer(with_motion(moved, "run", "Run"))
    assert other is not None and (other.source, other.retarget.jaw, other.first) == ("run", 1.5, 0)
    assert motion_layer(with_motion(state, "")) is None


def test_another_renderer_begins_with_its_defaults_and_is_part_of_the_work():
    state = StudioState(render=RenderChoice("oil", (("thick", 3),)))
    changed = with_renderer(state, "warp")
    assert changed.render == RenderChoice() and work_hash(changed) != work_hash(state)
    assert with_renderer(changed, "warp") is changed
    with pytest.raises(InputError, match="got 'oil'"):
        with_renderer(changed, "oil")
    with pytest.raises(InputError, match="got 'thick'"):
        with_render_setting(changed, "thick", 3)
