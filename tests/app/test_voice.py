"""A sound file that a layer speaks: its mouth, its sound in the render, and both in the project."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.edits import apply_edit
from app.panels.layers import take_voice
from app.panels.projects import save_work
from app.projects import open_in
from app.report import report_studio
from app.sessions import Session, Sessions
from loki_core.errors import InputError
from loki_core.media.sound_file import read_sound
from loki_core.project.document import read_project
from loki_core.timeline.layers import hand_values
from tests.app.test_render import render
from tests.media.test_sound_file import tone, write_wav

RATE = 16_000


@pytest.fixture(autouse=True)
def uploads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("app.material.get_upload_folder", lambda: str(tmp_path))


def half_loud(path: Path) -> Path:
    """Half a second of silence, half a second of tone."""
    return write_wav(path, np.concatenate([np.zeros(RATE // 2), tone(0.5, rate=RATE)]), rate=RATE)


def speak(session: Session, file: Path, frame: int = 0) -> None:
    take_voice(session, {"path": str(file), "name": f"My {file.stem}.wav", "frame": frame})


def test_the_mouth_opens_where_the_sound_is_loud_in_one_step(session: Session, tmp_path: Path):
    before = session.state
    speak(session, half_loud(tmp_path / "voice.wav"), frame=30)
    layer = session.state.layers[-1]
    jaw = hand_values(layer, np.arange(30.0, 60.0))["jawOpen"]
    assert layer.name == "My voice" and jaw[:12].max() < 0.05 and jaw[18:29].min() > 0.3
    told = report_studio(session)["layers"][-1]
    assert told["sound"] and told["name"] == "My voice"
    apply_edit(session, {"do": "undo"})
    assert session.state.layers == before.layers


def test_a_still_face_gets_as_much_time_as_the_sound_takes(session: Session, tmp_path: Path):
    apply_edit(session, {"do": "motion", "id": ""})
    speak(session, half_loud(tmp_path / "voice.wav"))
    fps = Fraction(*session.state.fps)
    assert report_studio(session)["frame_count"] == fps


def test_the_sound_is_heard_in_the_render_where_it_belongs(session: Session, tmp_path: Path):
    speak(session, half_loud(tmp_path / "voice.wav"), frame=6)
    apply_edit(session, {"do": "trim", "first": 0, "stop": 36})
    sound = read_sound(render(session)["result"]["path"], rate=RATE, channels=1, most_seconds=3)[:, 0]
    level = [float(np.sqrt((sound[round(at * RATE) :][: RATE // 10] ** 2).mean())) for at in (0.3, 0.55, 0.85, 1.05)]
    assert max(level[:2]) < 0.05 and min(level[2:]) > 0.2


def test_a_muted_layer_is_not_heard(session: Session, tmp_path: Path):
    speak(session, half_loud(tmp_path / "voice.wav"))
    apply_edit(session, {"do": "trim", "first": 15, "stop": 20})
    apply_edit(session, {"do": "layer", "op": "field", "id": session.state.layers[-1].id, "name": "mute", "value": True})
    with pytest.raises(InputError, match="there is none"):
        read_sound(render(session)["result"]["path"], rate=RATE, channels=1, most_seconds=3)


def test_a_copy_of_the_layer_moves_the_mouth_and_is_not_heard_twice(session: Session, tmp_path: Path):
    speak(session, half_loud(tmp_path / "voice.wav"))
    apply_edit(session, {"do": "layer", "op": "copy", "id": session.state.layers[-1].id})
    assert [layer.sound is not None for layer in session.state.layers[-2:]] == [True, False]


def test_the_sound_travels_with_the_project(session: Session, sessions: Sessions, tmp_path: Path):
    speak(session, half_loud(tmp_path / "voice.wav"), frame=10)
    project = read_project(Path(save_work(session, {})["path"]), session.stage.head.id)
    other = sessions.open("other page")
    open_in(other, project)
    assert other.state.layers == session.state.layers
    (key,) = project.sounds
    assert other.sounds[key].name == "My voice" and other.sounds[key].seconds == pytest.approx(1)


def test_the_project_inside_a_render_leaves_sounds_out(session: Session, tmp_path: Path):
    speak(session, half_loud(tmp_path / "voice.wav"))
    apply_edit(session, {"do": "trim", "first": 0, "stop": 3})
    assert render(session, project=True)["state"] == "done"


def test_what_cannot_be_spoken_is_refused_and_changes_nothing(session: Session, tmp_path: Path):
    (tmp_path / "text.wav").write_text("no sound")
    write_wav(tmp_path / "silence.wav", np.zeros(RATE), rate=RATE)
    write_wav(tmp_path / "long.wav", tone(2.5, rate=RATE), rate=RATE)
    before = session.history
    for name, words in (("text.wav", "which is none"), ("silence.wav", "silence"), ("long.wav", "at most 2 seconds")):
        with pytest.raises(InputError, match=words):
            speak(session, tmp_path / name)
    assert session.history == before
