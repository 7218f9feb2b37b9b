"""Snapshots: what is left when the server is killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.project.autosave import recover, save_snapshot
from loki_core.project.contents import Project, ProjectMotion, ProjectPortrait, StoredFile
from loki_core.project.document import project_to_bytes
from loki_core.project.store import ContentStore
from tests.project.works import HEAD, OTHER, project


def _snapshots(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.json"))


def _titled(title: str) -> Project:
    return project(title=title)


def test_the_newest_snapshot_comes_back(tmp_path):
    save_snapshot(tmp_path, _titled("one"))
    save_snapshot(tmp_path, _titled("two"))
    got = recover(tmp_path, HEAD)
    assert got.project is not None and project_to_bytes(got.project) == project_to_bytes(_titled("two"))
    assert got.passed_over == ()


def test_a_folder_without_snapshots_gives_none(tmp_path):
    assert recover(tmp_path / "none", HEAD).project is None
    save_snapshot(tmp_path / "new" / "work", _titled("one"))
    assert recover(tmp_path / "new" / "work", HEAD).project is not None


def test_files_that_many_snapshots_need_lie_there_once(tmp_path):
    work = project()
    for number in range(3):
        save_snapshot(tmp_path, replace(work, title=f"{number}"))
    assert len(_snapshots(tmp_path)) == 3
    assert len(list((tmp_path / "files").iterdir())) == 3


def test_only_the_last_snapshots_and_their_files_stay(tmp_path):
    for number in range(7):
        portrait = ProjectPortrait("Ada", StoredFile(bytes([number]) * 100, ".png"))
        save_snapshot(tmp_path, replace(project(title=f"{number}"), portraits={"ada": portrait}), keep=2)
    assert _snapshots(tmp_path) == ["snapshot-000000006.json", "snapshot-000000007.json"]
    assert len(list((tmp_path / "files").iterdir())) == 4
    got = recover(tmp_path, HEAD).project
    assert got is not None and got.title == "6"


def test_at_least_one_snapshot_is_kept(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        save_snapshot(tmp_path, project(), keep=0)


def test_damaged_snapshots_are_passed_over_and_named(tmp_path):
    save_snapshot(tmp_path, _titled("one"))
    second = save_snapshot(tmp_path, _titled("two"))
    third = save_snapshot(tmp_path, _titled("three"))
    second.write_bytes(second.read_bytes()[:50])
    third.write_bytes(b"")
    got = recover(tmp_path, HEAD)
    assert got.project is not None and got.project.title == "one"
    assert [passed.name for passed in got.passed_over] == [third.name, second.name]
    assert all("expected a project's JSON" in passed.reason for passed in got.passed_over)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"another")])
def test_a_snapshot_whose_file_is_gone_or_damaged_is_passed_over(tmp_path, damage):
    save_snapshot(tmp_path, _titled("one"))
    changed = StoredFile(b"a new picture", ".png")
    newest = save_snapshot(tmp_path, replace(_titled("two"), portraits={"ada": ProjectPortrait("Ada", changed)}))
    damage(tmp_path / "files" / changed.sha256)
    got = recover(tmp_path, HEAD)
    assert got.project is not None and got.project.title == "one"
    assert [passed.name for passed in got.passed_over] == [newest.name]


def test_saving_again_mends_a_file_that_was_cut(tmp_path):
    save_snapshot(tmp_path, project())
    picture = project().portraits["ada"].picture
    (tmp_path / "files" / picture.sha256).write_bytes(picture.content[:10])
    assert recover(tmp_path, HEAD).project is None
    save_snapshot(tmp_path, project())
    assert recover(tmp_path, HEAD).passed_over == ()


def test_what_a_killed_writer_left_is_removed(tmp_path):
    save_snapshot(tmp_path, project())
    (tmp_path / ".snapshot-000000002.json.12345678.part").write_bytes(b"half")
    (tmp_path / "files" / ".abc.12345678.part").write_bytes(b"half")
    assert recover(tmp_path, HEAD).passed_over == ()
    save_snapshot(tmp_path, project())
    assert not list(tmp_path.rglob("*.part"))


def test_snapshots_of_another_head_keep_their_files(tmp_path):
    save_snapshot(tmp_path, project(head=OTHER), keep=2)
    save_snapshot(tmp_path, replace(project(), portraits={}, state=replace(project().state, portrait="")), keep=2)
    got = recover(tmp_path, OTHER)
    assert got.project is not None and got.project.head == OTHER
    assert len(got.passed_over) == 1 and "for the head 'large'" in got.passed_over[0].reason


def test_a_failed_save_leaves_the_last_snapshot(tmp_path):
    save_snapshot(tmp_path, _titled("one"))
    with pytest.raises(InputError):
        save_snapshot(tmp_path, _titled("x" * 300))
    got = recover(tmp_path, HEAD)
    assert got.project is not None and got.project.title == "one"


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=6), st.integers(1, 3))
def test_the_last_whole_snapshot_always_comes_back(tmp_path_factory, saves, keep):
    folder = tmp_path_factory.mktemp("work")
    written: list[tuple[str, bool]] = []
    for title, spoilt in saves:
        work = Project(title, HEAD, project().state, project().portraits, {"clip": ProjectMotion(title, "nod")})
        path = save_snapshot(folder, work, keep=keep)
        written.append((title, spoilt))
        if spoilt:
            path.write_bytes(b"spoilt")
    whole = [title for title, spoilt in written[-keep:] if not spoilt]
    got = recover(folder, HEAD)
    assert (None if got.project is None else got.project.title) == (whole[-1] if whole else None)


def test_the_store_names_files_by_their_content(tmp_path):
    store = ContentStore(tmp_path / "files")
    key = store.put(b"some bytes")
    assert store.put(b"some bytes") == key and store.get(key) == b"some bytes"
    assert store.put(b"") != key and store.get(store.put(b"")) == b""


@pytest.mark.parametrize("key", ["../secret", "", ".", "0" * 64, "A" * 64])
def test_the_store_gives_nothing_under_other_names(tmp_path, key):
    (tmp_path / "secret").write_bytes(b"not for you")
    store = ContentStore(tmp_path / "files")
    store.put(b"x")
    with pytest.raises(InputError, match="found none"):
        store.get(key)


def test_the_store_refuses_a_damaged_file(tmp_path):
    store = ContentStore(tmp_path)
    key = store.put(b"some bytes")
    with replacing(tmp_path / key) as file:
        file.write(b"SOME bytes")
    with pytest.raises(InputError, match="damaged"):
        store.get(key)
