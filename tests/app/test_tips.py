"""Small pictures of what a control does."""

from __future__ import annotations

import numpy as np
import pytest

from app.panels.inspector import control_picture
from app.sessions import Session
from loki_core.errors import InputError
from tests.app.pages import decode


def test_each_control_is_shown_on_the_session_s_own_portrait(session: Session):
    portrait = session.state.portrait
    jaw, turn, again = (
        decode(control_picture(session, {"portrait": portrait, "name": name})["picture"])
        for name in ("jawOpen", "headYaw", "jawOpen")
    )
    assert jaw.shape == turn.shape and min(jaw.shape[:2]) >= 100
    assert np.abs(jaw.astype(int) - turn).mean() > 2 and (jaw == again).all()


@pytest.mark.parametrize("wrong", [{"name": "jawopen"}, {"portrait": "another"}])
def test_what_is_not_there_is_not_drawn(session: Session, wrong: dict[str, str]):
    with pytest.raises(InputError):
        control_picture(session, {"portrait": session.state.portrait, "name": "jawOpen", **wrong})
