"""Own expressions as files: of the presets' own form, and hostile until they are read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.controls import CONTROLS, control
from loki_core.motion.own_expressions import MOST_OWN, check_own, face_values, joined, keep_own, load_own, read_own
from loki_core.motion.presets import EXPRESSIONS, ExpressionPreset, list_presets, load_expression

OWN = ExpressionPreset("own-1a", "Wry <b>", ("left", "dry"), (("jawOpen", 0.25), ("headYaw", -4.0)))
GOOD: dict[str, Any] = {"name": "own-1a", "label": "Wry", "tags": [], "values": {"jawOpen": 0.25}}


def test_what_is_kept_is_read_again_as_it_was(tmp_path: Path):
    keep_own(tmp_path / "own", (), (OWN,))
    assert read_own(tmp_path / "own") == ([OWN], [])
    assert load_expression(tmp_path / "own" / "own-1a.json") == OWN


def test_the_folder_follows_every_change_and_leaves_what_is_not_its_own(tmp_path: Path):
    other = replace(OWN, name="own-2b")
    keep_own(tmp_path, (), (OWN, other))
    (tmp_path / "own-3c.json").write_text(json.dumps({**GOOD, "name": "own-3c"}))
    keep_own(tmp_path, (OWN, other), (replace(OWN, label="Dry"),))
    assert {own.name: own.label for own in read_own(tmp_path)[0]} == {"own-1a": "Dry", "own-3c": "Wry"}
    keep_own(tmp_path, (replace(OWN, label="Dry"),), ())
    assert [path.name for path in tmp_path.iterdir()] == ["own-3c.json"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path):
    assert read_own(tmp_path / "none") == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        {"name": "own-../../x"},
        {"name": "smile"},
        {"label": ""},
        {"label": "x" * 61},
        {"label": "a\u202eb"},
        {"label": "\ud800"},
        {"tags": ["\n"]},
        {"tags": [str(number) for number in range(17)]},
        {"values": {"jawOpen": 7}},
        {"values": {"jawOpen": float("nan")}},
        {"values": {"__class__": 0.5}},
        {"more": 1},
    ],
)
def test_a_hostile_file_is_named_and_left_out(tmp_path: Path, change: dict[str, Any]):
    (tmp_path / "own-1a.json").write_text(json.dumps({**GOOD, **change}))
    presets, problems = read_own(tmp_path)
    assert presets == [] and len(problems) == 1 and problems[0].path.name == "own-1a.json"


def test_what_is_no_file_of_text_is_named_and_left_out(tmp_path: Path):
    (tmp_path / "own-1.json").mkdir()
    (tmp_path / "own-2.json").write_bytes(b"\xff\xfe")
    (tmp_path / "own-3.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "own-4.json").write_text("[" * 100_000)
    (tmp_path / "own-5.json").write_bytes(b" " * (1 << 21))
    (tmp_path / "own-6.json").write_text(json.dumps({**GOOD, "name": "own-6"}))
    presets, problems = read_own(tmp_path)
    assert [own.name for own in presets] == ["own-6"] and len(problems) == 5


def test_no_preset_of_the_project_has_the_name_of_an_own_one():
    presets, _ = list_presets(EXPRESSIONS, load_expression)
    for preset in presets:
        with pytest.raises(InputError, match="own-"):
            check_own(preset)


def test_errors_name_the_file(tmp_path: Path):
    with pytest.raises(InputError, match=r"own-none\.json"):
        load_own(tmp_path / "own-none.json")


@given(st.dictionaries(st.sampled_from([known.name for known in CONTROLS]), st.floats(-200, 200), max_size=8))
def test_a_face_that_was_read_becomes_values_that_a_preset_may_have(values: dict[str, float]):
    kept = face_values(values)
    check_own(replace(OWN, values=kept))
    for name, value in values.items():
        limits = control(name)
        within = min(limits.maximum, max(limits.minimum, value))
        assert dict(kept).get(name, limits.default) == pytest.approx(within, abs=0.006 * (limits.maximum - limits.minimum))


def test_joining_keeps_the_first_of_two_with_one_name_and_no_more_than_there_is_room_for():
    many = tuple(replace(OWN, name=f"own-{number}") for number in range(MOST_OWN))
    assert joined((OWN,), (replace(OWN, label="Dry"), many[0])) == (OWN, many[0])
    assert joined((OWN,), many) == (OWN, *many[:-1])
