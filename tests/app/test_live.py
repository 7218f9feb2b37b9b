from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.live import LOOK_PATH, live_route, pack, unpack
from app.panels.viewport import look
from app.server import Binder
from tests.app.pages import decode_jpeg


@pytest.fixture
def client(sessions) -> TestClient:
    return TestClient(Starlette(routes=[live_route(Binder(sessions)(look))]))


def test_the_page_gets_pictures_and_states_in_the_order_of_its_questions(client, session):
    with client.websocket_connect(LOOK_PATH) as road:
        for frame in (3, 5):
            road.send_text(json.dumps({"token": session.token, "edits": [], "frame": frame, "view": "map"}))
        for frame in (3, 5):
            reply = unpack(road.receive_bytes())
            assert decode_jpeg(reply["picture"]).shape == (512, 512, 3)
            assert reply["frame"] == frame and reply["studio"]["hash"]


def test_without_the_token_nothing_is_told(client, session):
    with client.websocket_connect(LOOK_PATH) as road:
        road.send_text(json.dumps({"token": "guessed", "edits": [], "frame": 0, "view": "map"}))
        assert set(unpack(road.receive_bytes())) == {"error"}


@pytest.mark.parametrize(("asked", "code"), [("{", 1003), ('"' + "a" * (1 << 20), 1009)])
def test_what_is_no_question_ends_the_talk(client, session, asked, code):
    with client.websocket_connect(LOOK_PATH) as road:
        road.send_text(asked)
        with pytest.raises(WebSocketDisconnect) as ended:
            road.receive_bytes()
    assert ended.value.code == code


@given(st.dictionaries(st.text().filter(lambda key: key != "picture"), st.integers()), st.binary(min_size=1))
def test_what_is_packed_is_unpacked(told, picture):
    assert unpack(pack({**told, "picture": picture})) == {**told, "picture": picture}
    assert unpack(pack(told)) == told
