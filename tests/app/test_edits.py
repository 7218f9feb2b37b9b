from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.edits import apply_edit
from loki_core.errors import InputError
from loki_core.head.controls import CONTROLS
from loki_core.timeline.history import History
from loki_core.timeline.state import values_at_playhead, work_hash

NONSENSE: list[object] = [
    None,
    "undo",
    [],
    {},
    {"do": "delete"},
    {"do": 7},
    {"do": "control"},
    {"do": "control", "name": "jawOpen", "value": "0.5"},
    {"do": "control", "name": "jawOpen", "value": True},
    {"do": "control", "name": "jawOpen", "value": float("nan")},
    {"do": "control", "name": "jawOpen", "value": 1.5},
    {"do": "control", "name": "x" * 5000, "value": 0},
    {"do": "control", "name": ["jawOpen"], "value": 0},
    {"do": "reset", "names": "jawOpen"},
    {"do": "reset", "names": [["jawOpen"]]},
    {"do": "reset", "names": ["jawOpen"] * 300},
    {"do": "expression", "name": "../smile"},
    {"do": "motion", "id": "../../etc"},
    {"do": "portrait", "id": "someone else's"},
    {"do": "layer"},
    {"do": "layer", "op": "__class__"},
    {"do": "layer", "op": "add", "source": "someone else's"},
    {"do": "layer", "op": "delete", "id": "99"},
    {"do": "layer", "op": "gain", "id": "1", "name": "__class__", "value": 1},
    {"do": "layer", "op": "gain", "id": "1", "name": "neutral", "value": 1},
    {"do": "layer", "op": "field", "id": "1", "name": "id", "value": "2"},
    {"do": "layer", "op": "field", "id": "1", "name": "first", "value": 10**9},
    {"do": "layer", "op": "field", "id": "1", "name": "speed", "value": [1]},
    {"do": "layer", "op": "region", "id": "1", "name": "hair", "value": 1},
    {"do": "layer", "op": "weight", "id": "1", "value": 7},
    {"do": "layer", "op": "lift", "id": "1", "by": 0.5},
    {"do": "layer", "op": "generate", "kind": "__class__", "seed": 1},
    {"do": "layer", "op": "generate", "kind": "idle", "seed": -1},
    {"do": "layer", "op": "speak", "text": "42"},
    {"do": "trim", "first": 0.5, "stop": 3},
    {"do": "trim", "first": 0, "stop": 10**9},
    {"do": "look", "name": "view", "value": {"a": 1}},
    {"do": "look", "name": "view", "value": ["side"]},
    {"do": "look", "name": "frame", "value": 3},
]


@pytest.mark.parametrize("edit", NONSENSE)
def test_nonsense_from_a_page_is_refused_and_changes_nothing(session, edit):
    before = session.history
    with pytest.raises(InputError):
        apply_edit(session, edit)
    assert session.history == before


def test_undo_and_redo_return_to_the_same_work(session):
    before = work_hash(session.state)
    apply_edit(session, {"do": "control", "name": "jawOpen", "value": 0.5})
    after = work_hash(session.state)
    apply_edit(session, {"do": "undo"})
    assert work_hash(session.state) == before
    apply_edit(session, {"do": "redo"})
    assert work_hash(session.state) == after != before


def test_undo_does_not_go_behind_the_example(session):
    before = session.state
    apply_edit(session, {"do": "undo"})
    assert session.state == before and session.state.portrait and session.state.layers


def test_one_drag_is_one_step_of_undo(session):
    for value in (0.1, 0.2, 0.3):
        apply_edit(session, {"do": "control", "name": "jawOpen", "value": value, "gesture": "g1"})
    apply_edit(session, {"do": "undo"})
    assert values_at_playhead(session.state).get("jawOpen", 0) == 0


def test_an_expression_replaces_the_face_and_leaves_the_head_turned(session):
    apply_edit(session, {"do": "control", "name": "headYaw", "value": 10})
    apply_edit(session, {"do": "control", "name": "jawOpen", "value": 0.9})
    apply_edit(session, {"do": "expression", "name": "smile"})
    assert values_at_playhead(session.state).get("headYaw", 0) == 10
    assert values_at_playhead(session.state).get("jawOpen", 0) == 0
    assert values_at_playhead(session.state).get("mouthSmileLeft", 0) > 0


def test_a_motion_and_none_can_be_chosen(session):
    apply_edit(session, {"do": "motion", "id": "nod"})
    assert session.act(session.state) is session.acts["nod"]
    apply_edit(session, {"do": "motion", "id": ""})
    assert session.act(session.state) is None


def test_the_range_is_checked_against_the_chosen_motion(session):
    apply_edit(session, {"do": "trim", "first": 10, "stop": 20})
    assert session.state.trim == (10, 20)
    apply_edit(session, {"do": "motion", "id": ""})
    with pytest.raises(InputError, match="within 0 to 1"):
        apply_edit(session, {"do": "trim", "first": 10, "stop": 20})


def test_generated_blinks_and_typed_speech_are_layers_of_keys(session):
    for op in ({"op": "generate", "kind": "blinks", "seed": 3}, {"op": "speak", "text": "Hello there"}):
        apply_edit(session, {"do": "layer", **op})
    blinks, speech = session.state.layers[-2:]
    assert {name for name, _ in blinks.tracks.curves} == {"eyeBlinkLeft", "eyeBlinkRight"}
    assert speech.name == "Hello there" and "jawOpen" in speech.tracks.table()
    assert max(key.value for key in blinks.tracks.table()["eyeBlinkLeft"].keys) > 0.9
    apply_edit(session, {"do": "motion", "id": ""})
    with pytest.raises(InputError, match="choose one, such as Blank"):
        apply_edit(session, {"do": "layer", "op": "generate", "kind": "idle", "seed": 3})


def test_every_change_counts(session):
    before = session.revision
    apply_edit(session, {"do": "look", "name": "view", "value": "map"})
    assert session.revision == before + 1 and not session.history.past


_EDITS = st.one_of(
    st.sampled_from(CONTROLS).flatmap(
        lambda c: st.fixed_dictionaries(
            {"do": st.just("control"), "name": st.just(c.name), "value": st.floats(c.minimum, c.maximum)}
        )
    ),
    st.fixed_dictionaries({"do": st.just("expression"), "name": st.sampled_from(["smile", "anger", "neutral"])}),
    st.fixed_dictionaries({"do": st.just("motion"), "id": st.sampled_from(["", "nod", "talk"])}),
    st.fixed_dictionaries({"do": st.just("layer"), "op": st.just("add"), "source": st.sampled_from(["", "nod", "talk"])}),
    st.fixed_dictionaries({"do": st.just("layer"), "op": st.just("weight"), "id": st.just("hand"), "value": st.floats(0, 1)}),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(edits=st.lists(_EDITS, max_size=12))
def test_undoing_all_edits_returns_to_the_start(session, edits):
    session.replace_history(History(session.state))
    start = work_hash(session.state)
    for edit in edits:
        apply_edit(session, edit)
    for _ in edits:
        apply_edit(session, {"do": "undo"})
    assert work_hash(session.state) == start
