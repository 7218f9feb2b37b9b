"""LIA-X's panel: its handlers on a tiny random network."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from app.cli import build_parser
from app.edits import apply_edit
from app.lia_x import LiaXDesk, driven
from app.output import Order, known_frames, render_order
from app.sessions import Session
from loki_core.errors import InputError
from loki_core.head.controls import LATENT_CONTROLS
from loki_core.lia_x.generator import Generator, LiaXConfig
from loki_core.media.picture import read_picture, write_picture
from loki_core.render.lia_x.renderer import LiaXRenderer
from loki_core.render.registry import Renderers
from loki_core.timeline.latents import latent_edits


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


@pytest.fixture
def session(session: Session, folder):
    """One with a tiny network of the public number of directions."""
    torch.manual_seed(0)
    torch.save(Generator(LiaXConfig(scale=1 / 8, size=32)).state_dict(), folder / "lia-x.pt")
    session.stage = replace(session.stage, renderers=Renderers(session.stage.head))
    return session


def picture(session: Session, desk: LiaXDesk, side: int = 512, **values: float) -> np.ndarray:
    reply = desk.lia_x_picture(session, {"side": side, "values": {f"liax/{name}": value for name, value in values.items()}})
    data = base64.b64decode(reply["picture"].partition(",")[2])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(int)


def test_without_weights_the_page_is_told_what_to_do(sessions, folder):
    session, desk = sessions.open("page"), LiaXDesk()
    for reply in (desk.lia_x_picture(session, {"side": 96, "values": {}}), desk.lia_x_align(session, {})):
        assert "launch.py weights lia-x --put" in reply["lacking"] and "research and evaluation only" in reply["lacking"]


def test_a_picture_shows_what_is_set_and_what_is_tried(session):
    desk = LiaXDesk()
    plain, tried = picture(session, desk), picture(session, desk, smile=3.0)
    assert plain.shape == (32, 32, 3) and np.abs(plain - tried).max() > 0
    apply_edit(session, {"do": "control", "name": "liax/smile", "value": 3.0})
    assert np.abs(picture(session, desk) - tried).max() == 0
    assert np.abs(picture(session, desk, smile=0.0) - plain).max() == 0
    assert picture(session, desk, side=16).shape == (16, 16, 3)
    apply_edit(session, {"do": "undo"})
    assert np.abs(picture(session, desk) - plain).max() == 0


@pytest.mark.parametrize("values", [{"jawOpen": 0.5}, {"liax/smile": 9.0}, {"liax/grin": 0.1}])
def test_what_is_no_direction_or_out_of_range_is_refused(session, values):
    with pytest.raises(InputError):
        LiaXDesk().lia_x_picture(session, {"side": 96, "values": values})


def test_aligning_brings_the_portrait_to_the_drivers_first_frame(session):
    desk = LiaXDesk()
    apply_edit(session, {"do": "control", "name": "headYaw", "value": 20.0})
    values = desk.lia_x_align(session, {})["values"]
    assert values.keys() == {control.name for control in LATENT_CONTROLS}
    apply_edit(session, {"do": "controls", "values": values})
    renderer = session.stage.renderers.get("lia-x")
    assert isinstance(renderer, LiaXRenderer)
    prepared = renderer.prepare(session.sitters[session.state.portrait].full)
    target = renderer.performed(prepared, session.frames(session.state, 0, 1)[0])
    edits = torch.from_numpy(latent_edits(session.state.layers, np.zeros(1), 40)).float()
    torch.testing.assert_close(prepared.code.source.alpha + edits, target, atol=1e-3, rtol=0)


def test_a_render_is_driven_by_what_is_set_in_its_range(session):
    base = session.stage.renderers.get("lia-x")
    signatures = set()
    for value in (0.0, 0.3):
        apply_edit(session, {"do": "control", "name": "liax/yaw", "value": value})
        made = driven(session, session.state, base, 0, 3)
        assert isinstance(made, LiaXRenderer) and made is not base
        signatures.add(made.signature)
    assert len(signatures) == 2
    assert driven(session, session.state, session.stage.renderer, 0, 3) is session.stage.renderer


def test_the_clip_itself_needs_a_clip(session):
    apply_edit(session, {"do": "renderer", "name": "lia-x"})
    apply_edit(session, {"do": "render_setting", "name": "drive", "value": "clip"})
    with pytest.raises(InputError, match="tracked from a clip"):
        LiaXDesk().lia_x_align(session, {})


@pytest.mark.parametrize("drive", ["performance", "clip"])
def test_a_frame_is_rendered_to_a_file(session, tmp_path, drive):
    apply_edit(session, {"do": "renderer", "name": "lia-x"})
    apply_edit(session, {"do": "render_setting", "name": "drive", "value": drive})
    apply_edit(session, {"do": "control", "name": "liax/yaw", "value": 0.5})
    order = Order(session.state, "png", 0, sound=False, panel=False, project=False)
    if drive == "clip":
        with pytest.raises(InputError, match="got one without"):
            render_order(session, order, tmp_path / "result", lambda done, total: None, lambda: False)
        return
    reply = render_order(session, order, tmp_path / "result", lambda done, total: None, lambda: False)
    shape = session.sitters[session.state.portrait].full.image.shape
    assert read_picture(Path(reply["path"])).rgb.shape == shape
    assert known_frames(session, order) == [True]
    apply_edit(session, {"do": "control", "name": "liax/yaw", "value": 0.6})
    assert known_frames(session, replace(order, state=session.state)) == [False]


def test_the_command_for_a_still_takes_directions(session, tmp_path):
    portrait = tmp_path / "face.png"
    write_picture(portrait, session.sitters[session.state.portrait].full.image)
    made = []
    for value in ("liax/smile=0", "liax/smile=3"):
        out = tmp_path / f"{value[-1]}.png"
        command = ["still", "--portrait", str(portrait), "--out", str(out), "--renderer", "lia-x", "--set", value]
        arguments = build_parser().parse_args(command)
        assert arguments.run(arguments) == 0
        made.append(read_picture(out).rgb.astype(int))
    assert np.abs(made[0] - made[1]).max() > 0
