from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.motion.clip import Motion
from loki_core.motion.neutral import find_neutral
from tests.motion.tracks import UNITS, still_motion

REST = slice(60, 90)
"""Frames of the synthetic clip in which the face is at rest."""


def lively_motion(head: HeadModel, seed: int = 0) -> Motion:
    """Talking, turning and blinking, except in `REST`; the person smiles a little and droops the lids throughout."""
    generator = torch.Generator().manual_seed(seed)
    frames = 200
    motion = still_motion(head, frames)
    time = torch.arange(frames) / 30
    active = torch.ones(frames)
    active[REST] = 0
    motion.expression[:, UNITS.index("mouthSmileLeft")] = 0.2 + 0.5 * active * torch.sin(5 * time).abs()
    motion.expression[:, UNITS.index("browInnerUp")] = 0.6 * active * torch.sin(3 * time) ** 2
    motion.expression[:, :2] = 0.15
    motion.expression[10:14, :2] = motion.expression[70:74, :2] = motion.expression[150:154, :2] = 1.0
    motion.jaw_pose[:, 0] = 0.01 + 0.25 * active * torch.sin(9 * time) ** 2
    motion.global_orient[:, 1] = 0.05 + 0.5 * active * torch.sin(2 * time)
    return replace(motion, expression=motion.expression + torch.randn(motion.expression.shape, generator=generator) * 0.01)


def test_frame_at_rest_is_found(head: HeadModel) -> None:
    for seed in range(5):
        choice = find_neutral(lively_motion(head, seed), head)
        assert REST.start <= choice.index < REST.stop
        assert not 69 <= choice.index < 75, "a blink is not neutral"


def test_scores_are_shares_and_highest_at_rest(head: HeadModel) -> None:
    scores = find_neutral(lively_motion(head), head).scores
    assert scores.shape == (200,) and scores.min() >= 0 and scores.max() <= 1
    assert scores[REST].median() > 5 * scores[90:].median()


def test_lost_frames_are_never_neutral(head: HeadModel) -> None:
    motion = lively_motion(head)
    motion.confidence[REST] = 0
    motion.expression[REST] = 0
    choice = find_neutral(motion, head)
    assert motion.confidence[choice.index] > 0
    assert (choice.scores[REST] == 0).all()


def test_single_frame_is_its_own_neutral(head: HeadModel) -> None:
    assert find_neutral(still_motion(head, 1), head).index == 0


def test_head_of_plain_components_works_too(head: HeadModel) -> None:
    plain = replace(head, expression_names=tuple(f"psi{i:03}" for i in range(8)))
    assert REST.start <= find_neutral(lively_motion(head), plain).index < REST.stop


def test_clip_without_a_face_is_refused(head: HeadModel) -> None:
    motion = replace(still_motion(head, 3), confidence=torch.zeros(3))
    with pytest.raises(InputError, match="at least one frame with a face"):
        find_neutral(motion, head)
