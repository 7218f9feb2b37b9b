"""The sound of the work: what is heard when, in the file that the page plays and in renders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.edits import apply_edit
from app.panels.layers import take_voice
from app.panels.transport import hear
from app.report import report_studio
from app.sessions import Session
from loki_core.media.sound_file import read_sound
from loki_core.media.sound_mix import clip_of
from loki_core.media.sound_out import write_sound
from loki_core.media.video_out import open_writer
from loki_core.timeline.performance import frame_count, frame_rate
from loki_core.timeline.state import with_motion
from tests.app.test_render import render
from tests.media.test_sound_file import tone, write_wav

RATE = 16_000


@pytest.fixture(autouse=True)
def uploads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("app.material.get_upload_folder", lambda: str(tmp_path))


@pytest.fixture
def driven(session: Session, tmp_path: Path) -> Session:
    """The example, moved by a clip in which a tone begins after half a second."""
    act = session.acts["nod"]
    silent, path = np.zeros(24_000), tmp_path / "driver.mp4"
    samples = np.concatenate([silent, tone(1.5, rate=48_000)]).astype(np.float32)
    with open_writer(
        path, frame_rate(act.performance), (16, 16), sound=clip_of(np.stack([samples, samples], 1), 48_000)
    ) as writer:
        for _ in range(frame_count(act.performance)):
            writer.write(np.zeros((16, 16, 3), np.uint8))
    session.acts["clip"] = replace(act, name="Driver", clip=path, has_sound=True)
    session.change(lambda state: with_motion(state, "clip", "Driver", frame_rate(act.performance)))
    return session


def heard(session: Session) -> np.ndarray:
    """What the page plays, one channel."""
    told = hear(session, {})["sound"]
    assert told["name"] == report_studio(session)["heard"]
    return read_sound(told["path"], rate=RATE, channels=1, most_seconds=60)[:, 0]


def level(sound: np.ndarray, second: float) -> float:
    """Of the tenth of a second from there."""
    return float(np.sqrt((sound[round(second * RATE) :][: RATE // 10] ** 2).mean()))


def layer_field(session: Session, name: str, value: object) -> None:
    apply_edit(session, {"do": "layer", "op": "field", "id": session.state.layers[0].id, "name": name, "value": value})


def test_nothing_is_heard_of_the_example(session: Session):
    assert report_studio(session)["heard"] == "" and hear(session, {}) == {"sound": None}


def test_of_two_drivers_the_one_of_the_expression_is_heard(driven: Session):
    sound, name = heard(driven), driven.state.layers[0].id
    apply_edit(driven, {"do": "layer", "op": "slot", "id": name, "side": "pose", "source": "nod"})
    assert np.array_equal(heard(driven), sound)
    apply_edit(driven, {"do": "layer", "op": "slot", "id": name, "side": "pose", "source": "clip"})
    apply_edit(driven, {"do": "layer", "op": "slot", "id": name, "side": "expression", "source": "nod"})
    assert hear(driven, {}) == {"sound": None}


def test_the_page_hears_the_driver(driven: Session):
    sound = heard(driven)
    assert level(sound, 0.3) < 0.05 < 0.2 < level(sound, 0.6)


def test_a_driver_that_begins_later_is_heard_later_on_the_page_and_in_the_render(driven: Session):
    layer_field(driven, "first", 15)
    apply_edit(driven, {"do": "trim", "first": 0, "stop": 45})
    rendered = read_sound(render(driven)["result"]["path"], rate=RATE, channels=1, most_seconds=60)[:, 0]
    for sound in (heard(driven), rendered):
        assert level(sound, 0.8) < 0.05 < 0.2 < level(sound, 1.1)


def test_a_cut_driver_is_heard_from_its_cut_to_its_end(driven: Session):
    layer_field(driven, "offset", 15)
    layer_field(driven, "stop", 30)
    sound = heard(driven)
    assert level(sound, 0.05) > 0.2 and abs(len(sound) / RATE - 1) < 0.05


def test_driver_and_voice_are_heard_together(driven: Session, tmp_path: Path):
    voice = write_wav(tmp_path / "voice.wav", tone(0.2, rate=RATE, hertz=200), rate=RATE)
    take_voice(driven, {"path": str(voice), "name": "voice.wav", "frame": 3})
    sound = heard(driven)
    assert level(sound, 0.15) > 0.2 and level(sound, 0.36) < 0.05 and level(sound, 0.6) > 0.2


def test_a_render_of_a_short_range_carries_the_beginning_of_a_long_sound(session: Session, tmp_path: Path):
    voice = write_wav(tmp_path / "voice.wav", tone(1.9, rate=RATE), rate=RATE)
    take_voice(session, {"path": str(voice), "name": "voice.wav", "frame": 0})
    apply_edit(session, {"do": "trim", "first": 0, "stop": 9})
    rendered = read_sound(render(session)["result"]["path"], rate=RATE, channels=1, most_seconds=60)[:, 0]
    assert level(rendered, 0.1) > 0.2 and len(rendered) < 0.5 * RATE


@pytest.mark.parametrize(("name", "value"), [("mute", True), ("speed", 2.0)])
def test_a_driver_that_is_muted_or_faster_is_not_heard(driven: Session, name: str, value: object):
    layer_field(driven, name, value)
    assert report_studio(driven)["heard"] == ""


def test_the_file_is_another_only_when_what_is_heard_is(driven: Session):
    first = hear(driven, {})
    apply_edit(driven, {"do": "control", "name": "jawOpen", "value": 0.5})
    apply_edit(driven, {"do": "trim", "first": 3, "stop": 30})
    assert hear(driven, {}) == first
    layer_field(driven, "first", 2)
    assert hear(driven, {}) != first
    apply_edit(driven, {"do": "undo"})
    assert hear(driven, {}) == first


def test_few_files_are_kept(driven: Session):
    for first in range(6):
        layer_field(driven, "first", first)
        newest = Path(hear(driven, {})["sound"]["path"])
    assert newest.exists() and len(list(newest.parent.iterdir())) == 4


def test_a_sound_alone_is_written_whole(tmp_path: Path):
    samples = np.repeat(tone(0.7, rate=48_000)[:, None], 2, axis=1).astype(np.float32)
    write_sound(tmp_path / "tone.webm", clip_of(samples, 48_000))
    back = read_sound(tmp_path / "tone.webm", rate=48_000, channels=2, most_seconds=2)
    assert abs(len(back) - len(samples)) < 960 and [file.name for file in tmp_path.iterdir()] == ["tone.webm"]
    inner = slice(4_800, 28_800)
    assert np.abs(back[inner] - samples[inner]).mean() < 0.02
