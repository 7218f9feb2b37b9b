"""The page's choice of a renderer: kept with the work, told to the page, and followed by renders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.edits import apply_edit
from app.panels.render import start_render
from app.projects import project_of
from app.report import report_studio
from loki_core.errors import InputError
from loki_core.media.picture import read_picture
from loki_core.project.document import project_from_bytes, project_to_bytes
from tests.diffusion.tiny import save_tiny

ORDER = {"format": "mp4", "frames": "frame", "frame": 62, "sound": True, "panel": False, "project": False}


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path / "weights"))
    return save_tiny(tmp_path / "weights" / "loki" / "mini")


def choose(session, **settings: object) -> None:
    apply_edit(session, {"do": "renderer", "name": "loki"})
    for name, value in settings.items():
        apply_edit(session, {"do": "render_setting", "name": name, "value": value})


def render(session) -> dict:
    start_render(session, ORDER)
    job = list(session.jobs.values())[-1]
    job.wait()
    return job.report()


def test_the_page_is_told_the_renderer_and_every_setting(session, weights):
    assert report_studio(session)["render"] == {"renderer": "warp", "settings": {}, "lacking": ""}
    choose(session, steps=3)
    told = report_studio(session)["render"]
    assert told["renderer"] == "loki" and told["settings"]["steps"] == 3 and told["settings"]["preset"] == "mini"
    assert told["lacking"] == ""


def test_what_a_renderer_lacks_is_said_on_the_page(session, weights):
    choose(session, preset="sd21")
    lacking = report_studio(session)["render"]["lacking"]
    assert lacking.startswith("Expected weights of the preset sd21") and lacking.endswith(".")


def test_the_choice_is_a_step_of_undo_and_leaves_live_pictures_as_they_are(session):
    before = report_studio(session)["hash"]
    choose(session)
    assert report_studio(session)["hash"] == before
    apply_edit(session, {"do": "undo"})
    assert report_studio(session)["render"]["renderer"] == "warp"


def test_a_setting_that_cannot_be_is_refused(session):
    choose(session)
    with pytest.raises(InputError, match="whole number from 1 to 200 for 'steps'"):
        apply_edit(session, {"do": "render_setting", "name": "steps", "value": 0})
    with pytest.raises(InputError, match="got 'oil'"):
        apply_edit(session, {"do": "renderer", "name": "oil"})


def test_a_project_keeps_the_choice(session):
    choose(session, seed=7, detail=0.5)
    saved = project_to_bytes(project_of(session, session.state))
    again = project_from_bytes(saved, session.stage.head.id, "again")
    assert again.state.render == session.state.render
    assert dict(again.state.render.settings) == {"seed": 7, "detail": 0.5}


def test_a_render_is_drawn_by_the_renderer_that_was_chosen(session, weights):
    plain = read_picture(render(session)["result"]["path"]).rgb.astype(int)
    choose(session, steps=1, detail=0.0)
    drawn = read_picture(render(session)["result"]["path"]).rgb.astype(int)
    assert drawn.shape == plain.shape and np.abs(drawn - plain).max() > 60
    assert np.array_equal(drawn[-40:], plain[-40:])  # far from the head


def test_weights_that_cannot_be_used_end_the_render_with_a_sentence(session, weights):
    path = weights / "network" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-64])
    choose(session)
    report = render(session)
    assert report["state"] == "failed" and "expected safetensors, got a damaged or foreign file" in report["error"]
