"""Projects saved and read again, and files that are not what they seem."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.motion.clip import Motion
from loki_core.project.contents import Project, ProjectMotion, ProjectPortrait, ProjectSound, StoredFile
from loki_core.project.document import project_from_bytes, project_to_bytes, read_project, save_project
from loki_core.timeline.layers import Layer, LayerSound
from loki_core.timeline.state import StudioState, with_keys
from tests.project.works import EDITS, HEAD, OTHER, edited, motion, project


def _again(data: bytes) -> Project:
    return project_from_bytes(data, HEAD, "work.loki")


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _edited(edit: Callable[[dict[str, Any]], object]) -> bytes:
    """A project with another project.json."""
    members = _members(project_to_bytes(project()))
    document = json.loads(members["project.json"])
    edit(document)
    return _zip({**members, "project.json": json.dumps(document).encode()})


def test_a_project_is_read_as_it_was_saved(tmp_path):
    saved = project()
    save_project(tmp_path / "work.loki", saved)
    got = read_project(tmp_path / "work.loki", HEAD)
    assert (got.title, got.head, got.state, got.portraits) == (saved.title, saved.head, saved.state, saved.portraits)
    assert list(got.motions) == ["clip", "nod"]
    assert (got.motions["nod"].name, got.motions["nod"].source, got.motions["nod"].media) == ("Nod", "nod", None)
    clip, before = got.motions["clip"].source, saved.motions["clip"].source
    assert isinstance(clip, Motion) and isinstance(before, Motion)
    assert (clip.fps, clip.head, clip.camera) == (before.fps, before.head, before.camera)
    for name in ("betas", "expression", "jaw_pose", "eye_pose", "translation", "confidence"):
        assert torch.equal(getattr(clip, name), getattr(before, name))
    assert got.motions["clip"].media == saved.motions["clip"].media


@given(EDITS)
def test_any_state_comes_back_the_same(edits):
    state = edited(edits)
    data = project_to_bytes(project(state))
    assert _again(data).state == state
    assert project_to_bytes(_again(data)) == data


def test_the_same_project_gives_the_same_bytes():
    assert project_to_bytes(project()) == project_to_bytes(project())


def test_the_files_inside_are_the_user_s_own():
    members = _members(project_to_bytes(project()))
    assert list(members) == ["project.json", "portraits/ada.png", "motions/clip.npz", "media/clip.wav"]
    assert members["portraits/ada.png"] == project().portraits["ada"].picture.content


def test_a_zip_packed_again_by_hand_is_read():
    data = project_to_bytes(project())
    assert project_to_bytes(_again(_zip(_members(data)))) == data


_SMALL = project_to_bytes(Project("", HEAD, StudioState(), {}, {"m": ProjectMotion("m", motion(1))}))


@settings(max_examples=400)
@given(st.integers(0, len(_SMALL) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_nothing(place, change):
    data = bytearray(_SMALL)
    data[place] ^= change
    try:
        got = _again(bytes(data))
    except InputError:
        return
    assert project_to_bytes(got) == _SMALL


@given(st.integers(0, len(_SMALL) - 1))
def test_a_cut_file_is_refused(length):
    with pytest.raises(InputError, match="work.loki"):
        _again(_SMALL[:length])


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip at all, but long enough", b"PK\5\6" + bytes(18)])
def test_no_zip_is_refused(data):
    with pytest.raises(InputError, match="work.loki"):
        _again(data)


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil", "portraits/../../evil", "C:\\evil", "portraits/bob.png", "portraits/"]
)
def test_a_member_that_the_table_does_not_name_is_refused(name):
    with pytest.raises(InputError, match="does not belong there|a folder"):
        _again(_zip({**_members(project_to_bytes(project())), name: b"x"}))


@pytest.mark.parametrize("key", ["../ada", "/ada", "a/b", "", "a" * 81, "a\n", "a.b"])
def test_a_key_that_climbs_out_is_refused(key):
    def rename(document: dict[str, Any]) -> None:
        document["portraits"][key] = document["portraits"].pop("ada")

    with pytest.raises(InputError, match=r"portraits"):
        _again(_edited(rename))


def test_a_link_is_refused():
    buffer = BytesIO(project_to_bytes(project()))
    with zipfile.ZipFile(buffer, "a") as archive:
        info = zipfile.ZipInfo("portraits/bob.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match="a link or a folder"):
        _again(buffer.getvalue())


def test_a_member_that_is_there_twice_is_refused():
    buffer = BytesIO(project_to_bytes(project()))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("portraits/ada.png", b"another")
    with pytest.raises(InputError, match="twice"):
        _again(buffer.getvalue())


def test_a_member_that_is_missing_is_refused():
    members = _members(project_to_bytes(project()))
    del members["media/clip.wav"]
    with pytest.raises(InputError, match=r"media/clip.wav' is missing"):
        _again(_zip(members))


def test_another_file_than_the_saved_one_is_refused():
    members = _members(project_to_bytes(project()))
    with pytest.raises(InputError, match=r"portraits/ada.png: expected the file that the project was saved with"):
        _again(_zip({**members, "portraits/ada.png": b"another"}))


def test_a_bomb_is_refused_before_it_goes_off():
    members = _members(project_to_bytes(project()))
    with pytest.raises(InputError, match="unpacks to more than is read"):
        _again(_zip({**members, "media/clip.wav": bytes(1 << 25)}))


def test_a_bomb_that_lies_about_its_size_is_refused():
    data = bytearray(_zip({**_members(project_to_bytes(project())), "media/clip.wav": bytes(1 << 25)}))
    place = data.rindex(b"media/clip.wav") - 22
    assert int.from_bytes(data[place : place + 4], "little") == 1 << 25
    data[place : place + 4] = (100).to_bytes(4, "little")
    with pytest.raises(InputError, match="damaged"):
        _again(bytes(data))


def test_a_bomb_inside_a_motion_is_refused(monkeypatch):
    monkeypatch.setattr("loki_core.project.members._MOST_COEFFICIENTS", 1000)
    with pytest.raises(InputError, match=r"motions/clip.npz: .*unpacks to more"):
        _again(project_to_bytes(project()))


def test_too_many_members_are_refused_by_the_end_record_alone():
    data = bytearray(project_to_bytes(project()))
    data[-14:-10] = (60000).to_bytes(2, "little") * 2
    with pytest.raises(InputError, match="at most 2000 members"):
        _again(bytes(data))


def _set(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def edit(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = to

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        _set("surprise", to=1),
        _set("state", "surprise", to=1),
        _set("state", "look", "surprise", to=1),
        _set("state", "look", "frame", to=1.5),
        _set("state", "look", "frame", to=True),
        _set("state", "look", "frame", to="1"),
        _set("state", "look", "frame", to=-1),
        _set("state", "look", "frame", to=10**400),
        _set("state", "look", "frame", to=float("nan")),
        _set("state", "look", "view", to="upside down"),
        _set("state", "trim", to=[5, 5]),
        _set("state", "portrait", to="nobody"),
        _set("state", "fps", to=[30, 0]),
        _set("state", "fps", to=[1001, 1]),
        _set("state", "layers", 0, "surprise", to=1),
        _set("state", "layers", 0, "source", to="nobody"),
        _set("state", "layers", 0, "mode", to="under"),
        _set("state", "layers", 0, "speed", to=0),
        _set("state", "layers", 0, "speed", to=100),
        _set("state", "layers", 0, "offset", to=-1),
        _set("state", "layers", 0, "stop", to=0),
        _set("state", "layers", 0, "mute", to=0),
        _set("state", "layers", 0, "weight", to={"keys": [{"frame": 2, "value": 1}, {"frame": 1, "value": 1}]}),
        _set("state", "layers", 0, "regions", to=[["mouth", 2.0]]),
        _set("state", "layers", 0, "regions", to=[["ears", 0.5]]),
        _set("state", "layers", 0, "regions", to=[["mouth", 0.5], ["brows", 0.5]]),
        _set("state", "layers", 0, "retarget", "jaw", to=3.0),
        _set("state", "layers", 0, "retarget", "absolute", to=-1.0),
        _set("state", "layers", 0, "retarget", "neutral", to=-1),
        _set("state", "layers", 0, "retarget", "neutral", to=5),
        _set("state", "layers", 0, "controls", to=[["wings", 0.5]]),
        _set("state", "layers", 0, "controls", to=[["jawOpen", 2.0]]),
        _set("state", "layers", 0, "controls", to=[["jawOpen", 0.5], ["jawOpen", 0.6]]),
        _set("state", "layers", 0, "tracks", to={"curves": [["wings", {"keys": [{"frame": 1, "value": 0.5}]}]]}),
        _set("state", "layers", 0, "tracks", to={"curves": [["jawOpen", {"keys": [{"frame": 1, "value": 9.0}]}]]}),
        _set("state", "layers", 0, "tracks", to={"curves": [["jawOpen", {"keys": []}]]}),
        _set("state", "layers", to=[{"id": "1"}, {"id": "1"}]),
        _set("state", "layers", to=[{"id": f"{number}"} for number in range(257)]),
        _set("portraits", "ada", "face", to=0),
        _set("portraits", "ada", "name", to=""),
        _set("portraits", "ada", "name", to="\ud800"),
        _set("portraits", "ada", "suffix", to=".png/../../x"),
        _set("members", "portraits/ada.png", to="0" * 63),
        _set("members", "../x", to="0" * 64),
        _set("title", to=None),
        _set("state", to=[]),
        _set("motions", to=None),
        _set("version", to=0),
        _set("version", to="2"),
        _set("version", to=True),
    ],
)
def test_a_document_of_another_kind_is_refused(edit):
    with pytest.raises(InputError, match="work.loki"):
        _again(_edited(edit))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"nothing", b"\xff\xfe", b"[" * 100_000, b'{"version":' * 50_000, b'{"version": 2, "version": 2}',
        b'{"version": 2, "title": Infinity}', b'{"version": 2, "state": 1e999}', b'{"version": 2, "x": ' + b"9" * 5000 + b"}",
        b" " * (1 << 25) + b"{}",
        b'{"version": 2, "state": ' + b"[" * 500 + b"]" * 500 + b"}",
    ],
)  # fmt: skip
def test_json_that_is_damaged_deep_or_large_is_refused(text):
    with pytest.raises(InputError, match="work.loki"):
        _again(_zip({"project.json": text, "filler": bytes(range(256)) * 1600}))


def test_a_zip_without_a_project_is_refused():
    with pytest.raises(InputError, match=r"without project.json; choose a .loki file"):
        _again(_zip({"word/document.xml": b"x"}))


def test_another_head_is_refused_by_name():
    with pytest.raises(InputError, match=r"for the head 'large' \(fedcba9876543210\), got one for 'tiny' \(0123456789abcdef\)"):
        project_from_bytes(project_to_bytes(project()), OTHER, "work.loki")


def test_a_motion_of_another_head_is_refused_by_name():
    foreign = replace(project(), motions={"clip": ProjectMotion("Clip", motion(head=OTHER))})
    with pytest.raises(InputError, match=r"motions/clip.npz: expected a motion for the head 'tiny'.* got one for 'large'"):
        _again(project_to_bytes(foreign))


def test_a_newer_version_is_refused_by_name():
    with pytest.raises(InputError, match="version 3 at most, got version 4; open it with a newer Loki Studio"):
        _again(_edited(_set("version", to=4)))


@pytest.mark.parametrize(
    "broken",
    [
        replace(project(), title="x" * 201),
        replace(project(), portraits={}),
        replace(project(), portraits={"../ada": project().portraits["ada"]}),
        replace(project(), portraits={"ada": ProjectPortrait("Ada", StoredFile(b"", "png"))}),
        replace(project(), portraits={"ada": ProjectPortrait("\ud800", StoredFile(b"", ".png"))}),
    ],
)
def test_what_could_not_be_read_again_is_not_saved(tmp_path, broken):
    save_project(tmp_path / "work.loki", project())
    before = (tmp_path / "work.loki").read_bytes()
    with pytest.raises(InputError):
        save_project(tmp_path / "work.loki", broken)
    assert [path.name for path in tmp_path.iterdir()] == ["work.loki"]
    assert (tmp_path / "work.loki").read_bytes() == before


def test_a_folder_or_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a project"):
        read_project(tmp_path, HEAD)
    with pytest.raises(InputError, match="expected a project"):
        read_project(Path(tmp_path / "none.loki"), HEAD)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*path, step)
        yield from _places(inner, (*path, step))


_MEMBERS = _members(project_to_bytes(project(with_keys(project().state, ["jawOpen", "headYaw"]))))
_DOCUMENT = json.loads(_MEMBERS["project.json"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["ada", "clip", "hand"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150)
@given(st.sampled_from(list(_places(_DOCUMENT))), _JSON, st.sampled_from([1, 2]))
def test_any_other_value_is_refused_or_makes_a_project_that_can_be_saved(path, value, version):
    document = deepcopy(_DOCUMENT) | {"version": version}
    _set(*path, to=value)(document)
    try:
        got = _again(_zip({**_MEMBERS, "project.json": json.dumps(document).encode()}))
    except InputError:
        return
    assert project_to_bytes(_again(project_to_bytes(got))) == project_to_bytes(got)


@pytest.mark.parametrize(
    "own",
    [
        {"name": "smile", "label": "Smile", "tags": [], "values": []},
        {"name": "own-1", "label": "", "tags": [], "values": []},
        {"name": "own-1", "label": "Wry", "tags": [], "values": [["jawOpen", 7]]},
        {"name": "own-1", "label": "Wry", "tags": [], "values": [["jawOpen", 0.5], ["jawOpen", 0.25]]},
        {"name": "own-1", "label": "Wry", "tags": [], "values": [["nothing", 0.5]]},
        {"name": "own-1", "label": "Wry", "tags": [], "values": [], "more": 1},
        [],
    ],
)
def test_an_own_expression_that_could_not_have_been_saved_is_refused(own):
    with pytest.raises(InputError, match="work.loki"):
        _again(_edited(lambda document: document["state"].update(expressions=[own])))


def test_two_own_expressions_of_one_name_are_refused():
    own = {"name": "own-1", "label": "Wry", "tags": [], "values": []}
    with pytest.raises(InputError, match="own expressions"):
        _again(_edited(lambda document: document["state"].update(expressions=[own, own])))


def _spoken(first: int = 4) -> Project:
    """A work with a layer that speaks."""
    state = StudioState(portrait="ada", layers=(Layer("1", "Voice", sound=LayerSound("voice", first)),))
    return replace(project(state), sounds={"voice": ProjectSound("My voice", StoredFile(b"RIFF...", ".wav"))})


def test_the_sounds_of_layers_come_back_the_same():
    got = _again(project_to_bytes(_spoken()))
    assert (got.state, got.sounds) == (_spoken().state, _spoken().sounds)
    assert project_to_bytes(got) == project_to_bytes(_spoken())


@pytest.mark.parametrize("broken", [lambda p: replace(p, sounds={}), lambda p: replace(p, state=_spoken(-1).state)])
def test_a_layer_whose_sound_is_missing_or_out_of_reach_is_refused(broken):
    with pytest.raises(InputError, match="sound"):
        project_to_bytes(broken(_spoken()))
