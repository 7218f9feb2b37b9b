from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from loki_core.head.embedded import embedded_head
from loki_core.head.units import unit_basis
from loki_core.motion.clean import Cleaning, PartFilter
from loki_core.motion.clip import Motion
from loki_core.motion.neutral import find_neutral
from loki_core.motion.presets import MOTIONS, load_motion_preset
from loki_core.motion.retarget import RetargetSettings
from loki_core.timeline.layers import Layer
from loki_core.timeline.performance import frame_count, frame_rate, layer_length, lost_frames, perform, spans

HEAD = embedded_head()
UNITS = unit_basis(HEAD, HEAD)
STILL = HEAD.neutral()
RATE = Fraction(24000, 1001)
LAYER = Layer("1", "Clip", "clip")


def motion(frames: int, confidence=None) -> Motion:
    params = HEAD.neutral((frames,))
    params.jaw_pose[:, 0] = torch.linspace(0, 0.2, frames)
    return Motion.of(params, fps=Fraction(24000, 1001), head=HEAD.id, confidence=confidence)


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


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [([1, 1, 1], []), ([0, 1, 0], [(0, 1), (2, 3)]), ([0, 0, 0], [(0, 3)]), ([1, 0.2, 0.4], [(1, 3)])],
)
def test_lost_frames_are_named_by_span(confidence, expected):
    assert spans(lost_frames(LAYER, motion(3, torch.tensor(confidence).float()), RATE, 3)) == expected


def test_lost_frames_lie_where_the_layer_shows_them():
    clip = motion(3, torch.tensor([1.0, 0.0, 1.0]))
    assert spans(lost_frames(replace(LAYER, first=4), clip, RATE, 10)) == [(5, 6)]
    assert spans(lost_frames(replace(LAYER, speed=0.5), clip, RATE, 10)) == [(2, 3)]
    assert spans(lost_frames(replace(LAYER, stop=1), clip, RATE, 10)) == []


def test_a_preset_is_never_lost():
    assert not lost_frames(LAYER, load_motion_preset(MOTIONS / "nod.json"), RATE, 9).any()


def test_a_layer_lasts_until_its_motion_has_been_shown():
    clip = motion(10)
    assert layer_length(LAYER, clip, RATE) == 10
    assert layer_length(replace(LAYER, first=5, offset=4), clip, RATE) == 11
    assert layer_length(replace(LAYER, speed=2.0), clip, RATE) == 5
    assert layer_length(LAYER, clip, 2 * RATE) == 20
    assert layer_length(replace(LAYER, stop=7), clip, RATE) == 7


def test_cleaning_is_done_before_the_clip_moves_the_portrait_and_the_neutral_frame_stays():
    clip = motion(60)
    clip.jaw_pose[30, 0] = 0.3
    spike = perform(clip, STILL, HEAD, UNITS, RetargetSettings(neutral=0)).jaw_pose[30, 0]
    calm = perform(clip, STILL, HEAD, UNITS, RetargetSettings(neutral=0), Cleaning(expression=PartFilter("savgol", 0.6)))
    assert calm.jaw_pose[30, 0] < spike - 0.05 and calm.batch_shape == (60,)
    by_itself = perform(clip, STILL, HEAD, UNITS, RetargetSettings(), Cleaning())
    chosen = find_neutral(clip, HEAD).index
    assert by_itself.jaw_pose.equal(perform(clip, STILL, HEAD, UNITS, RetargetSettings(neutral=chosen)).jaw_pose)


def test_cleaning_leaves_presets_alone():
    preset = load_motion_preset(MOTIONS / "nod.json")
    cleaned = perform(preset, STILL, HEAD, UNITS, RetargetSettings(), Cleaning(head=PartFilter("savgol", 1.0)))
    assert cleaned.global_orient.equal(perform(preset, STILL, HEAD, UNITS, RetargetSettings()).global_orient)
