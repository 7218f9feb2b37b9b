from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.live import LOOK_PATH, live_route, pack, unpack
from app.panels.viewport import look
from app.server import Binder
from tests.app.pages import decode_jpeg


@pytest.fixture
def client(sessions) -> TestClient:
    return TestClient(Starlette(routes=[live_route(Binder(sessions)(look))]))


def test_the_page_gets_the_picture_and_the_state_in_one_answer(client, session):
    question = {"token": session.token, "edits": [], "frame": 3, "view": "map"}
    reply = unpack(client.post(LOOK_PATH, json=question).content)
    assert decode_jpeg(reply["picture"]).shape == (512, 512, 3)
    assert reply["frame"] == 3 and reply["studio"]["hash"]


def test_without_the_token_nothing_is_told(client, session):
    reply = unpack(client.post(LOOK_PATH, json={"token": "guessed", "edits": [], "frame": 0, "view": "map"}).content)
    assert set(reply) == {"error"}


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"\xff\xfe", 400), (b" " * (1 << 21), 413)])
def test_what_is_no_question_is_refused(client, session, body, status):
    assert client.post(LOOK_PATH, content=body).status_code == status


@given(st.dictionaries(st.text().filter(lambda key: key != "picture"), st.integers()), st.binary(min_size=1))
def test_what_is_packed_is_unpacked(told, picture):
    assert unpack(pack({**told, "picture": picture})) == {**told, "picture": picture}
    assert unpack(pack(told)) == told
