from __future__ import annotations

import numpy as np
import pytest

from app.edits import apply_edit
from app.marks import marks
from app.panels.viewport import look
from loki_core.errors import InputError
from loki_core.timeline.state import hand_layer
from loki_core.track.handles import HANDLES

NAMES = [handle.name for handle in HANDLES]


def use(session, tool: str) -> None:
    apply_edit(session, {"do": "look", "name": "tool", "value": tool})


def places(session) -> np.ndarray:
    return np.array(marks(session, session.state)["handles"])


def test_every_handle_lies_on_the_face(session):
    sitter = session.sitters[session.state.portrait]
    points = places(session)
    assert points.shape == (len(HANDLES), 2)
    assert np.abs(points - [sitter.crop.cx, sitter.crop.cy]).max() < sitter.crop.half


def test_dragging_a_point_brings_it_nearer_to_where_the_hand_is_and_is_one_step_of_undo(session):
    chin = NAMES.index("chin")
    start = places(session)
    for shift in (2.0, 4.0, 6.0):
        goal = (start[chin] + [0, shift]).tolist()
        apply_edit(session, {"do": "drag", "goals": {"chin": goal}, "symmetric": True, "gesture": "g1"})
    after = places(session)
    assert 3.0 < after[chin, 1] - start[chin, 1] < 9.0
    apply_edit(session, {"do": "undo"})
    assert hand_layer(session.state).controls == () and np.array_equal(places(session), start)


def test_a_symmetric_drag_moves_the_other_side_too(session):
    start = places(session)
    left = NAMES.index("browOuterLeft")
    drag = {"do": "drag", "goals": {"browOuterLeft": (start[left] - [0, 5]).tolist()}, "gesture": "g"}
    apply_edit(session, {**drag, "symmetric": True})
    both = dict(hand_layer(session.state).controls)
    assert both["browOuterUpLeft"] == both["browOuterUpRight"] > 0.2
    apply_edit(session, {"do": "undo"})
    apply_edit(session, {**drag, "symmetric": False})
    assert "browOuterUpRight" not in dict(hand_layer(session.state).controls)


@pytest.mark.parametrize(("tool", "controls"), [("head", ["headYaw", "headPitch", "headRoll"]), ("jaw", ["jawOpen"])])
def test_a_joints_rings_say_what_they_turn(session, tool, controls):
    use(session, tool)
    rings = marks(session, session.state)["rings"]
    assert [ring["control"] for ring in rings] == controls
    assert all(len(ring["points"]) == 64 and ring["value"] == 0 for ring in rings)


def test_the_eyes_target_says_how_far_a_degree_is(session):
    use(session, "gaze")
    gaze = marks(session, session.state)["gaze"]
    assert gaze["yaw"] == gaze["pitch"] == 0 and min(gaze["pixels"]) > 0.02


def test_nothing_can_be_held_without_a_tool(session):
    use(session, "look")
    assert marks(session, session.state) == {}
    assert look(session, {"edits": [], "frame": 0, "view": None, "marks": True})["marks"] == {}


@pytest.mark.parametrize(
    "goals", [{"ear": [1, 2]}, {"chin": [1]}, {"chin": "x"}, {"chin": [1, float("nan")]}, [], {"chin": None}]
)
def test_a_drag_that_makes_no_sense_changes_nothing(session, goals):
    before = session.history
    with pytest.raises(InputError):
        apply_edit(session, {"do": "drag", "goals": goals, "symmetric": False})
    assert session.history == before


def test_several_controls_are_set_at_once(session):
    apply_edit(session, {"do": "controls", "values": {"gazeYaw": 10, "gazePitch": -5}})
    assert dict(hand_layer(session.state).controls) == {"gazeYaw": 10.0, "gazePitch": -5.0}
    with pytest.raises(InputError):
        apply_edit(session, {"do": "controls", "values": {"gazeYaw": "far"}})
