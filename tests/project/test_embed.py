"""Projects inside the pictures and videos that they made."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from loki_core.errors import InputError
from loki_core.media.picture import read_picture, write_picture
from loki_core.media.video_in import probe, read_frames
from loki_core.media.video_out import open_writer
from loki_core.project.document import project_from_bytes, project_to_bytes
from loki_core.project.embed import embed_project, extract_project
from tests.media.clips import numbered, numbers, quadrants
from tests.project.works import HEAD, picture, project

DATA = project_to_bytes(project())


def _video(folder: Path) -> Path:
    path = folder / "o.mp4"
    with open_writer(path, Fraction(25), (64, 96)) as writer:
        for number in range(6):
            writer.write(numbered(number))
    return path


@pytest.fixture(params=["png", "mp4"])
def made(request, tmp_path) -> Path:
    """A picture or a video of the studio."""
    if request.param == "mp4":
        return _video(tmp_path)
    write_picture(tmp_path / "o.png", quadrants())
    return tmp_path / "o.png"


def test_a_project_comes_out_as_it_went_in(made):
    assert extract_project(made) is None
    embed_project(made, DATA)
    data = extract_project(made)
    assert data == DATA
    assert project_to_bytes(project_from_bytes(data, HEAD, made.name)) == DATA
    assert [path.name for path in made.parent.iterdir()] == [made.name]


def test_a_second_project_takes_the_place_of_the_first(made):
    embed_project(made, DATA)
    once = made.read_bytes()
    embed_project(made, b"another")
    assert extract_project(made) == b"another"
    embed_project(made, DATA)
    assert made.read_bytes() == once


def test_the_picture_is_seen_as_before(tmp_path):
    path = tmp_path / "o.png"
    write_picture(path, quadrants())
    embed_project(path, DATA)
    np.testing.assert_array_equal(read_picture(path).rgb, quadrants())
    with Image.open(path) as image:
        image.verify()


def test_the_video_plays_as_before(tmp_path):
    path = _video(tmp_path)
    before = probe(path)
    embed_project(path, DATA)
    assert (probe(path).fps, probe(path).frame_count, probe(path).size) == (before.fps, before.frame_count, before.size)
    assert numbers(read_frames(path)) == list(range(6))


def test_what_others_put_behind_the_project_stays(tmp_path):
    path = _video(tmp_path)
    embed_project(path, b"first")
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 12, b"free") + b"note")
    assert extract_project(path) == b"first"
    embed_project(path, b"second")
    assert extract_project(path) == b"second"
    assert b"note" in path.read_bytes()
    assert numbers(read_frames(path)) == list(range(6))


def test_boxes_with_long_sizes_are_read(tmp_path):
    path = _video(tmp_path)
    with path.open("ab") as file:
        file.write(struct.pack(">I4sQ", 1, b"free", 20) + b"note")
    embed_project(path, DATA)
    assert extract_project(path) == DATA


def test_a_video_whose_last_box_has_no_end_is_refused(tmp_path):
    path = _video(tmp_path)
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 0, b"free") + b"note")
    before = path.read_bytes()
    assert extract_project(path) is None
    with pytest.raises(InputError, match="a last one without"):
        embed_project(path, DATA)
    assert path.read_bytes() == before


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "o.gif"
    path.write_bytes(b"GIF89a and more")
    for act in (extract_project, lambda file: embed_project(file, DATA)):
        with pytest.raises(InputError, match="which is neither"):
            act(path)
        with pytest.raises(InputError, match="does not exist"):
            act(tmp_path / "none.png")


@pytest.mark.parametrize(
    "tail",
    [
        struct.pack(">I4s", 7, b"free"),
        struct.pack(">I4s", 1 << 31, b"mdat"),
        struct.pack(">I4sQ", 1, b"mdat", (1 << 64) - 1),
        struct.pack(">I4sQ", 1, b"mdat", 3),
        struct.pack(">I4s", 20, b"uuid") + bytes(12),
        struct.pack(">I4s", 1, b"mdat"),
        b"\0\0\0",
    ],
)
def test_boxes_that_lie_about_their_size_are_refused(tmp_path, tail):
    path = tmp_path / "o.mp4"
    path.write_bytes(struct.pack(">I4s", 16, b"ftyp") + b"isom\0\0\0\0" + tail)
    for act in (extract_project, lambda file: embed_project(file, DATA)):
        with pytest.raises(InputError, match="a damaged or cut one"):
            act(path)


def test_a_cut_picture_is_refused(tmp_path):
    path = tmp_path / "o.png"
    path.write_bytes(picture()[:-12])
    with pytest.raises(InputError, match="without an end"):
        embed_project(path, DATA)
    path.write_bytes(picture()[:-3])
    with pytest.raises(InputError, match="a damaged or cut one"):
        embed_project(path, DATA)


def test_too_many_parts_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("loki_core.project.embed._MOST_PARTS", 100)
    path = tmp_path / "o.mp4"
    path.write_bytes(struct.pack(">I4s", 8, b"ftyp") + struct.pack(">I4s", 8, b"free") * 100)
    with pytest.raises(InputError, match="at most 100 parts"):
        extract_project(path)


def _embedded(name: str, content: bytes) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        embed_project(path, DATA)
        return path.read_bytes()


_FILES = {
    "o.png": _embedded("o.png", picture()),
    "o.mp4": _embedded("o.mp4", struct.pack(">I4s", 16, b"ftyp") + b"isom\0\0\0\0" + struct.pack(">I4s", 12, b"mdat") + b"data"),
}


@settings(max_examples=300)
@given(st.sampled_from(sorted(_FILES)), st.data())
def test_a_changed_or_cut_file_gives_the_same_project_or_none(name, data):
    content = bytearray(_FILES[name])
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            found = extract_project(path)
            got = None if found is None else project_from_bytes(found, HEAD, name)
        except InputError:
            return
    assert got is None or project_to_bytes(got) == DATA
