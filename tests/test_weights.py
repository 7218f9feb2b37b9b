"""Where weights lie, and how they get there."""

from __future__ import annotations

from pathlib import Path

import pytest
from platformdirs import user_cache_path

from loki_core.errors import InputError
from loki_core.weights import find_weights, put_weights, weights_folder


def test_folder_is_the_one_that_the_user_names_or_lies_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path))
    assert weights_folder() == tmp_path
    monkeypatch.setenv("LOKI_WEIGHTS", "~/a")
    assert weights_folder() == Path.home() / "a"
    monkeypatch.delenv("LOKI_WEIGHTS")
    assert weights_folder() == user_cache_path("loki-studio") / "weights"


def test_what_is_put_is_found_and_takes_the_place_of_the_other_kind(tmp_path: Path):
    folder, file = tmp_path / "new" / "folder", tmp_path / "download.safetensors"
    assert find_weights("net", folder) is None
    for suffix in (".PT", ".safetensors"):
        file = tmp_path / f"download{suffix}"
        file.write_bytes(suffix.encode())
        place = put_weights(file, "net", folder)
        assert find_weights("net", folder) == place and place.read_bytes() == suffix.encode()
        assert list(folder.iterdir()) == [place]


def test_putting_a_file_where_it_lies_keeps_it(tmp_path: Path):
    place = tmp_path / "net.pt"
    place.write_bytes(b"whole")
    assert put_weights(place, "net", tmp_path) == place and place.read_bytes() == b"whole"


def test_other_kinds_are_refused_and_leave_nothing(tmp_path: Path):
    (tmp_path / "net.exe").write_bytes(b"")
    with pytest.raises(InputError, match=r"expected a .pt or .safetensors file, got 'net.exe'"):
        put_weights(tmp_path / "net.exe", "net", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
