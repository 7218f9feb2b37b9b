"""The people of an evaluation: never those of training, and drawn as they say."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.data.portraits import draw
from loki_core.data.samples import HELD_OUT_SEED, SyntheticConfig, SyntheticWindows
from loki_core.head.embedded import embedded_head
from loki_core.training.config import TrainConfig
from loki_core.training.held_out import FACE_CHANGED, MOVEMENTS, POSE_CHANGED, HeldOut, draw_held_out
from loki_core.training.trainer import Trainer
from tests.training.conftest import TINY


@pytest.fixture(scope="module")
def scenes() -> HeldOut:
    return draw_held_out(embedded_head(), size=32, pairs=3, apart=2, movements=2, clips=1)


def test_the_trainer_refuses_the_seeds_of_the_evaluation(tmp_path):
    config = TrainConfig(data=SyntheticConfig(size=16, seed=HELD_OUT_SEED))
    with pytest.raises(ValueError, match="evaluation"):
        Trainer(config, TINY, embedded_head(), tmp_path)


def test_nobody_of_the_evaluation_is_among_the_first_of_training(scenes):
    trained = SyntheticWindows(embedded_head(), SyntheticConfig(size=32, frames=1))
    met = torch.stack([trained.person(index).betas for index in range(20)])
    shown = torch.stack([s.coefficients.betas[0] for s in (*scenes.pairs, *scenes.movements, *scenes.moving)])
    assert float(torch.cdist(met, shown).min()) > 1


def test_the_first_target_is_the_window_as_training_would_draw_it(scenes):
    windows = SyntheticWindows(embedded_head(), SyntheticConfig(size=32, frames=1, clips=0.0, still=0.0, seed=HELD_OUT_SEED))
    for index, pair in enumerate(scenes.pairs):
        assert torch.equal(pair.targets[0], windows[index].targets[0])
        assert torch.equal(pair.reference, windows[index].reference)


def test_a_borrowed_motion_is_another_persons_on_the_own_head(scenes):
    first, second = scenes.pairs[:2]
    assert torch.equal(first.coefficients.expression[1], second.coefficients.expression[0])
    assert torch.equal(first.coefficients.global_orient[1], second.coefficients.global_orient[0])
    assert torch.equal(first.coefficients.betas[1], first.coefficients.betas[0])
    assert not torch.equal(first.targets[1], first.targets[0])


def test_own_motion_is_seen_in_the_targets_and_a_borrowed_one_on_the_driver(scenes):
    for index, pair in enumerate(scenes.pairs):
        assert torch.equal(pair.poses, pair.faces) and torch.equal(pair.poses[0], pair.targets[0])
        assert torch.equal(pair.pose_focus[0], pair.focus[0])
        assert not torch.equal(pair.poses[1], pair.targets[1]), index


def test_a_motion_apart_is_a_substitution_of_coefficients(scenes):
    windows = SyntheticWindows(embedded_head(), SyntheticConfig(size=32, frames=1, clips=0.0, still=0.0, seed=HELD_OUT_SEED))
    for index, sample in enumerate(scenes.apart):
        own, posing, facing, other = (windows[index + k].coefficients[0] for k in range(4))
        asked = ((posing, facing), (posing, other), (other, facing))
        assert asked[FACE_CHANGED][0] is asked[0][0] and asked[POSE_CHANGED][1] is asked[0][1]
        for target, (pose, face) in enumerate(asked):
            made = sample.coefficients[target]
            assert torch.equal(made.betas, own.betas) and torch.equal(made.translation, own.translation)
            assert torch.equal(made.global_orient, pose.global_orient) and torch.equal(made.neck_pose, pose.neck_pose)
            assert torch.equal(made.expression, face.expression)
            assert torch.equal(made.jaw_pose, face.jaw_pose) and torch.equal(made.eye_pose, face.eye_pose)
        person, size = windows.person(index), sample.reference.shape[-1]
        drawn = draw(embedded_head(), person, sample.coefficients, sample.camera, sample.crop, size=size)
        assert torch.equal(sample.targets, drawn.pictures)


def test_drivers_of_a_motion_apart_are_shown_as_they_are(scenes):
    sample = scenes.apart[0]
    assert torch.equal(sample.poses[0], sample.poses[FACE_CHANGED]) and torch.equal(sample.faces[0], sample.faces[POSE_CHANGED])
    assert torch.equal(sample.poses[POSE_CHANGED], sample.faces[FACE_CHANGED])
    assert not torch.equal(sample.poses[0], sample.faces[0])
    assert torch.equal(scenes.pairs[0].poses[1], sample.poses[0])  # the next person in this one's place


def test_a_driver_is_seen_where_the_target_is(scenes):
    for sample in (*scenes.pairs, *scenes.apart):
        for shown, asked in zip(sample.pose_focus, sample.focus, strict=True):
            middles = [torch.nonzero(each > 0.5).float().mean(0) for each in (shown, asked)]
            assert float((middles[0] - middles[1]).norm()) < 3  # of 32 pixels


def test_movements_start_from_the_portrait(scenes):
    for sample in scenes.movements:
        assert len(sample.targets) == 1 + len(MOVEMENTS)
        assert torch.equal(sample.reference, sample.targets[0])
        assert all(not torch.equal(target, sample.reference) for target in sample.targets[1:])


def test_a_held_pose_only_trembles(scenes):
    for moving, held in zip(scenes.moving, scenes.held, strict=True):
        assert float(held.coefficients.global_orient.diff(dim=0).abs().max()) < 0.02
        change, motion = (s.targets.float().diff(dim=0).abs().mean() for s in (held, moving))
        assert change < 0.5 * motion


def test_the_scenes_are_always_the_same(scenes):
    again = draw_held_out(embedded_head(), size=32, pairs=3, apart=1, movements=1, clips=1)
    assert torch.equal(again.pairs[2].targets, scenes.pairs[2].targets)
    assert torch.equal(again.movements[0].targets, scenes.movements[0].targets)
    assert torch.equal(again.held[0].targets, scenes.held[0].targets)


def test_one_person_alone_cannot_borrow(scenes):
    with pytest.raises(ValueError, match="at least 2"):
        draw_held_out(embedded_head(), size=32, pairs=1, apart=0, movements=1, clips=1)
    assert replace(scenes.pairs[0]).vectors.shape == (2, 70)
