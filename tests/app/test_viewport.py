from __future__ import annotations

import numpy as np
import pytest

from app.panels.expressions import thumbnails
from app.panels.session import snapshot
from app.panels.viewport import look, portrait_picture
from loki_core.errors import InputError
from loki_core.raster.preview import PREVIEW_MODES
from tests.app.pages import decode, decode_jpeg


def shown(session, view: str = "map", frame: int = 0, *edits: dict) -> np.ndarray:
    reply = look(session, {"edits": list(edits), "frame": frame, "view": view})
    return decode_jpeg(reply["picture"]).astype(int)


@pytest.mark.parametrize("view", ["map", "warp"])
def test_a_slider_moves_the_pixels_and_reset_brings_them_back(session, view):
    before = shown(session, view)
    moved = shown(session, view, 0, {"do": "control", "name": "jawOpen", "value": 0.8})
    assert np.abs(moved - before).max() > 60
    assert np.array_equal(shown(session, view, 0, {"do": "reset", "names": ["jawOpen"]}), before)


@pytest.mark.parametrize("view", ["map", "warp"])
def test_the_example_moves_over_time(session, view):
    assert np.abs(shown(session, view, 0) - shown(session, view, 120)).max() > 60


def test_every_way_to_show_the_map_shows_something_else(session):
    pictures = [shown(session, "map", 0, {"do": "look", "name": "map", "value": mode}) for mode in PREVIEW_MODES]
    assert all(picture.shape == (512, 512, 3) for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == len(PREVIEW_MODES)


def test_an_edit_that_cannot_be_done_is_told_beside_the_picture(session):
    reply = look(session, {"edits": [{"do": "control", "name": "jawOpen", "value": 3}], "frame": 0, "view": "map"})
    assert reply["error"] == "Expected jawOpen from 0 to 1, got 3." and reply["picture"]
    assert reply["studio"]["controls"] == []


def test_without_a_view_there_is_an_answer_but_no_picture(session):
    reply = look(session, {"edits": [], "frame": 5, "view": None})
    assert "picture" not in reply and reply["studio"]["look"]["frame"] == 5


def test_a_frame_beyond_the_end_is_the_last_one(session):
    assert look(session, {"edits": [], "frame": 10**9, "view": None})["frame"] == 239


@pytest.mark.parametrize("request_", [{}, {"edits": [], "frame": "0", "view": "map"}, {"edits": [], "frame": 0, "view": "depth"}])
def test_a_request_that_makes_no_sense_is_refused(session, request_):
    with pytest.raises(InputError):
        look(session, request_)


def test_a_snapshot_holds_what_the_page_needs(session):
    reply = snapshot(session, {})
    assert reply["studio"]["frame_count"] == 240 and reply["studio"]["fps"] == (30, 1)
    assert [portrait["name"] for portrait in reply["library"]["portraits"]] == ["Astronaut"]
    assert {"Still", "Showreel"} <= {motion["name"] for motion in reply["library"]["motions"]}


def test_the_portrait_comes_with_the_square_of_the_map(session):
    reply = portrait_picture(session, {"id": session.state.portrait})
    assert decode(reply["picture"]).shape == (512, 512, 3)
    assert 100 < reply["crop"]["side"] < 512
    with pytest.raises(InputError):
        portrait_picture(session, {"id": "someone else's"})


def test_expressions_are_shown_on_the_portrait_without_changing_the_work(session):
    before = session.history
    pictures = thumbnails(session, {"portrait": session.state.portrait, "names": ["neutral", "surprise", "no such"]})["pictures"]
    assert set(pictures) == {"neutral", "surprise"} and session.history == before
    neutral, surprise = (decode(pictures[name]).astype(int) for name in ("neutral", "surprise"))
    assert 140 <= neutral.shape[0] <= 170 and np.abs(surprise - neutral).max() > 60


def test_the_map_is_as_large_as_the_page_asks(session):
    asked = {"edits": [], "frame": 0, "view": "map"}
    assert decode_jpeg(look(session, {**asked, "side": 288})["picture"]).shape == (288, 288, 3)
    for side in (0, 63, 513, 2.5, "288"):
        with pytest.raises(InputError):
            look(session, {**asked, "side": side})
