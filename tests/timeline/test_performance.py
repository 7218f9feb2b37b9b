from __future__ import annotations

from dataclasses import fields
from fractions import Fraction

import pytest
import torch

from loki_core.head.embedded import embedded_head
from loki_core.head.units import unit_basis
from loki_core.motion.clip import Motion
from loki_core.motion.presets import MOTIONS, load_motion_preset
from loki_core.motion.retarget import RetargetSettings
from loki_core.timeline.performance import add_controls, frame_count, frame_rate, lost_spans, perform
from loki_core.timeline.state import StudioState, with_control, with_controls, with_frame, with_keys

HEAD = embedded_head()
UNITS = unit_basis(HEAD, HEAD)
STILL = HEAD.neutral()


def equal(one, other) -> bool:
    return all(torch.allclose(getattr(one, f.name), getattr(other, f.name), atol=1e-6) for f in fields(one))


def motion(frames: int, confidence=None) -> Motion:
    params = HEAD.neutral((frames,))
    params.jaw_pose[:, 0] = torch.linspace(0, 0.2, frames)
    return Motion.of(params, fps=Fraction(24000, 1001), head=HEAD.id, confidence=confidence)


def test_a_still_face_is_one_frame_of_the_portrait():
    assert frame_count(None) == 1
    assert equal(perform(None, STILL, HEAD, UNITS, RetargetSettings())[0], STILL)


def test_a_preset_plays_at_thirty_frames_a_second_for_its_duration():
    preset = load_motion_preset(MOTIONS / "showreel.json")
    frames = perform(preset, STILL, HEAD, UNITS, RetargetSettings())
    assert frames.batch_shape == (frame_count(preset),) == (round(preset.duration * 30),)
    assert frames.jaw_pose[:, 0].max() > 0.05


def test_a_clip_keeps_its_exact_rate():
    assert frame_rate(motion(5)) == Fraction(24000, 1001) and frame_count(motion(5)) == 5


def test_a_clip_moves_the_portrait():
    frames = perform(motion(5), STILL, HEAD, UNITS, RetargetSettings(neutral=0))
    assert torch.allclose(frames.jaw_pose[:, 0], torch.linspace(0, 0.2, 5), atol=1e-4)


def test_controls_are_added_on_top_of_the_motion():
    frames = perform(motion(5), STILL, HEAD, UNITS, RetargetSettings(neutral=0))
    edited = add_controls(frames, with_controls(StudioState(), {"headYaw": 10, "mouthSmileLeft": 0.5}), HEAD, UNITS, first=0)
    assert torch.allclose(edited.jaw_pose, frames.jaw_pose, atol=1e-6)
    assert torch.allclose(edited.global_orient[:, 1], torch.full((5,), torch.pi / 18), atol=1e-6)


def test_no_controls_leave_the_motion_exactly():
    frames = perform(motion(5), STILL, HEAD, UNITS, RetargetSettings(neutral=0))
    assert add_controls(frames, StudioState(), HEAD, UNITS, first=0) is frames


def test_one_edited_frame_is_that_frame_of_all_edited():
    state = with_controls(StudioState(), {"headYaw": 10, "jawOpen": 0.5})
    frames = perform(load_motion_preset(MOTIONS / "nod.json"), STILL, HEAD, UNITS, RetargetSettings())
    keyed = with_keys(with_frame(state, 5, frame_count=40), ["headYaw"])
    for edited in (state, with_control(with_frame(keyed, 20, frame_count=40), "headYaw", -20)):
        whole = add_controls(frames, edited, HEAD, UNITS, first=0)
        assert equal(add_controls(frames[7:9], edited, HEAD, UNITS, first=7), whole[7:9])


def test_keys_move_the_controls_over_time():
    frames = perform(motion(11), STILL, HEAD, UNITS, RetargetSettings(neutral=0))
    state = with_keys(StudioState(), ["headYaw"])
    state = with_control(with_frame(state, 10, frame_count=11), "headYaw", 20)
    yaw = add_controls(frames, state, HEAD, UNITS, first=0).global_orient[:, 1].rad2deg()
    assert abs(float(yaw[0])) < 1e-4 and abs(float(yaw[10]) - 20) < 1e-3 and (yaw.diff() > 0).all()


@pytest.mark.parametrize(
    ("confidence", "spans"),
    [([1, 1, 1], []), ([0, 1, 0], [(0, 1), (2, 3)]), ([0, 0, 0], [(0, 3)]), ([1, 0.2, 0.4], [(1, 3)])],
)
def test_lost_frames_are_named_by_span(confidence, spans):
    assert lost_spans(motion(3, torch.tensor(confidence).float())) == spans


def test_a_preset_is_never_lost():
    assert lost_spans(load_motion_preset(MOTIONS / "nod.json")) == [] == lost_spans(None)
