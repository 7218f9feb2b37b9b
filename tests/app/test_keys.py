from __future__ import annotations

import pytest

from app.edits import apply_edit
from app.panels.viewport import look
from loki_core.errors import InputError
from loki_core.timeline.state import hand_layer, values_at_playhead

JAW = {"do": "control", "name": "jawOpen", "value": 0.5}


def ask(session, frame: int, *edits: dict) -> dict:
    return look(session, {"edits": list(edits), "frame": frame, "view": None})["studio"]


@pytest.fixture
def keyed(session):
    """A jaw that opens from frame 10 to 30."""
    ask(session, 10, JAW, {"do": "key", "names": ["jawOpen"]})
    ask(session, 30, {**JAW, "value": 1.0})
    return session


def frames(session) -> dict[str, list[int]]:
    return {name: [key.frame for key in curve.keys] for name, curve in hand_layer(session.state).tracks.curves}


def test_keys_are_set_at_the_frame_that_the_page_shows(keyed):
    assert frames(keyed) == {"jawOpen": [10, 30]}
    assert [row[:2] for row in ask(keyed, 20)["tracks"]["jawOpen"]] == [(10, 0.5), (30, 1.0)]
    assert 0.5 < dict(ask(keyed, 20)["controls"])["jawOpen"] < 1


def test_the_picture_follows_the_keys(keyed):
    still = {"edits": [], "view": "map"}
    apply_edit(keyed, {"do": "motion", "id": "nod"})
    first, same, later = (look(keyed, {**still, "frame": frame})["picture"] for frame in (0, 0, 30))
    assert first == same != later


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({"op": "move", "by": 5}, {"jawOpen": [15, 30]}),
        ({"op": "delete"}, {"jawOpen": [30]}),
        ({"op": "value", "by": 5, "amounts": {"share": 0.2, "degrees": 3}}, {"jawOpen": [15, 30]}),
        ({"op": "scale", "pivot": 0, "factor": 2}, {"jawOpen": [20, 30]}),
        ({"op": "interpolation", "value": "linear"}, {"jawOpen": [10, 30]}),
        ({"op": "mirror"}, {"jawOpen": [10, 30]}),
    ],
    ids=lambda value: value.get("op"),
)
def test_selected_keys_are_changed_and_undo_brings_them_back(keyed, edit, expected):
    before = keyed.state
    apply_edit(keyed, {"do": "keys", "keys": [["jawOpen", 10]], **edit})
    assert frames(keyed) == expected
    if hand_layer(keyed.state).tracks != hand_layer(before).tracks:
        apply_edit(keyed, {"do": "undo"})
        assert keyed.state == before


def test_copied_keys_are_pasted_where_the_page_says(keyed):
    row = ["mouthSmileLeft", 0, 0.7, "ease", None, [2.0, 0.1]]
    apply_edit(keyed, {"do": "keys", "op": "paste", "copied": [row], "frame": 42})
    assert frames(keyed) == {"jawOpen": [10, 30], "mouthSmileLeft": [42]}


def test_handles_bend_the_curve(keyed):
    before = values_at_playhead(keyed.state)
    apply_edit(keyed, {"do": "keys", "op": "handle", "name": "jawOpen", "frame": 10, "left": [-1, 0], "right": [1, 0.4]})
    ask(keyed, 14)
    assert values_at_playhead(keyed.state)["jawOpen"] > 0.6 and before


def test_a_drag_starts_each_time_from_where_it_began(keyed):
    before = keyed.state
    for by, amount in ((20, 0.3), (30, 2.0), (2, 0.25)):  # on the second key, past it and out of range, and back
        edit = {"op": "value", "keys": [["jawOpen", 10]], "by": by, "amounts": {"share": amount}}
        apply_edit(keyed, {"do": "keys", **edit, "gesture": "g1"})
    assert [row[:2] for row in ask(keyed, 20)["tracks"]["jawOpen"]] == [(12, 0.75), (30, 1.0)]
    apply_edit(keyed, {"do": "undo"})
    assert frames(keyed) == {"jawOpen": [10, 30]} and keyed.state.look.frame == 20 and before.look.frame == 30


@pytest.mark.parametrize(
    "edit",
    [
        {"op": "explode"},
        {"op": "move", "keys": [["jawOpen", 10]], "by": 0.5}, {"op": "move", "keys": [["jawOpen", 10]], "by": -11},
        {"op": "move", "keys": ["jawOpen"], "by": 1}, {"op": "scale", "keys": [["jawOpen", 10]], "pivot": 0, "factor": 0},
        {"op": "value", "keys": [["jawOpen", 10]], "by": 1, "amounts": {"share": "high"}},
        {"op": "interpolation", "keys": [["jawOpen", 10]], "value": "bounce"},
        {"op": "paste", "copied": [["jawOpen", 0]], "frame": 0},
        {"op": "paste", "copied": [["nose", 0, 0.5, "ease", None, None]], "frame": 0},
        {"op": "paste", "copied": [["jawOpen", 0, 7, "ease", None, None]], "frame": 0},
        {"op": "paste", "copied": [["jawOpen", 0, 0.5, "ease", [1, 0], None]], "frame": 0},
        {"op": "handle", "name": "jawOpen", "frame": 11, "left": [-1, 0], "right": [1, 0]},
        {"op": "handle", "name": "jawOpen", "frame": 10, "left": None, "right": [1, 0]},
    ],
    ids=str,
)  # fmt: skip
def test_nonsense_about_keys_is_refused_and_changes_nothing(keyed, edit):
    before = keyed.history
    with pytest.raises(InputError):
        apply_edit(keyed, {"do": "keys", **edit})
    assert keyed.history == before


def test_resetting_a_control_takes_its_keys_away(keyed):
    apply_edit(keyed, {"do": "reset", "names": ["jawOpen"]})
    assert frames(keyed) == {}


def test_a_shorter_motion_takes_the_playhead_along(session):
    ask(session, 200)
    assert ask(session, 200, {"do": "motion", "id": ""})["look"]["frame"] == 0
    assert ask(session, 0, {"do": "undo"})["frame_count"] > 1
