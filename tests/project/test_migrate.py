"""Projects of older versions."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from typing import Any

import pytest

from loki_core.errors import InputError
from loki_core.motion.retarget import RetargetSettings
from loki_core.project.document import project_from_bytes, project_to_bytes
from loki_core.project.migrate import VERSION, migrate
from loki_core.timeline.layers import Layer
from loki_core.timeline.state import Look, StudioState, with_controls, with_keys, with_motion
from loki_core.timeline.tracks import Tracks, set_keys
from tests.project.works import HEAD, project

LOOK = {"frame": 0, "view": "wipe", "map": "heat", "tool": "grab", "loop": True, "linked": True, "autokey": False}
FIRST = {
    "portrait": "ada",
    "motion": "clip",
    "retarget": {"absolute": 0.0, "neutral": 2, "expression": 1.5, "jaw": 1.0},
    "controls": [["jawOpen", 0.5]],
    "tracks": {"curves": [["headYaw", {"keys": [{"frame": 3, "value": 10.0}]}]]},
    "trim": [1, 4],
    "look": LOOK,
}
"""A state of version 1."""


def _first(state: dict[str, Any]) -> bytes:
    """A project of version 1."""
    with zipfile.ZipFile(BytesIO(project_to_bytes(project()))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(members["project.json"])
    document |= {"version": 1, "state": state}
    document["motions"]["clip"]["fps"] = [30000, 1001]
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {**members, "project.json": json.dumps(document).encode()}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_the_motion_of_version_1_becomes_a_layer_below_what_was_set_by_hand():
    got = project_from_bytes(_first(FIRST), HEAD, "old.loki")
    tracks = set_keys(Tracks(), 3, {"headYaw": 10.0})
    assert got.state == StudioState(
        portrait="ada",
        fps=(30000, 1001),
        layers=(
            Layer("1", "Clip 1", "clip", retarget=RetargetSettings(neutral=2, expression=1.5)),
            Layer("hand", controls=(("jawOpen", 0.5),), tracks=tracks),
        ),
        trim=(1, 4),
        look=Look(view="wipe"),
    )
    assert project_to_bytes(project_from_bytes(project_to_bytes(got), HEAD, "new.loki")) == project_to_bytes(got)


def test_the_layers_are_those_that_the_same_edits_make_now():
    edits = with_motion(StudioState("ada"), "clip", "Clip 1", Fraction(30000, 1001))
    edits = with_controls(edits, {"jawOpen": 0.5})
    edits = with_keys(replace(edits, look=replace(edits.look, frame=3)), ["jawOpen"])
    old = {**FIRST, "retarget": {}, "controls": [], "trim": None, "look": {"frame": 3}}
    old["tracks"] = {"curves": [["jawOpen", {"keys": [{"frame": 3, "value": 0.5}]}]]}
    assert project_from_bytes(_first(old), HEAD, "old.loki").state == edits


def test_a_still_face_of_version_1_has_no_layers():
    old = {**FIRST, "motion": "", "controls": [], "tracks": {"curves": []}}
    assert project_from_bytes(_first(old), HEAD, "old.loki").state.layers == ()


def test_a_document_is_left_alone():
    document = {"version": 1, "state": dict(FIRST), "motions": {"clip": {"name": "Clip 1", "fps": [25, 1]}}}
    before = json.dumps(document)
    migrated = migrate(document, "old.loki")
    assert migrated["version"] == VERSION and json.dumps(document) == before
    assert migrate(migrated, "new.loki") == migrated


def test_a_work_of_version_2_has_no_expressions_of_its_own_and_stays_as_it_is():
    document = {"version": 2, "state": {"portrait": "ada"}, "motions": {}}
    assert migrate(document, "old.loki") == {**document, "version": VERSION}


@pytest.mark.parametrize("state", [None, [], {**FIRST, "motion": "gone"}, {**FIRST, "motion": []}, {**FIRST, "tracks": 5}])
def test_a_damaged_document_of_version_1_is_refused(state):
    with pytest.raises(InputError, match=r"old.loki"):
        project_from_bytes(_first(state), HEAD, "old.loki")
