"""Turns of a head that are found in pictures, beside those that the pictures were drawn with."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from loki_core.data.portraits import Person, draw
from loki_core.head.embedded import embedded_head
from loki_core.head.rotation import compose, from_yaw_pitch_roll, invert
from loki_core.training.held_out import FACE_CHANGED, Driven, HeldOut, draw_held_out
from loki_core.training.matched_turn import MatchedHead, turned_apart

HEAD = embedded_head()


@pytest.fixture(scope="module")
def scenes() -> HeldOut:
    return draw_held_out(HEAD, size=64, pairs=2, apart=2, movements=1, clips=1)


def drawn_turned(person: Person, sample: Driven, turn: torch.Tensor) -> torch.Tensor:
    params = sample.coefficients[0]
    turned = replace(params, global_orient=compose(turn, params.global_orient))
    return draw(HEAD, person, turned[None], sample.camera, sample.crop, size=64).pictures[0]


def degrees(turn: torch.Tensor) -> float:
    return float(torch.rad2deg(turn.norm()))


@pytest.mark.parametrize("turn", [(6.0, 0.0, 0.0), (0.0, -4.0, 3.0), (-3.0, 5.0, 1.0)])
def test_a_turn_is_found_as_it_was_drawn(scenes, turn):
    person, sample, turned = scenes.shown[0], scenes.apart[0], from_yaw_pitch_roll(torch.tensor(turn))
    found = MatchedHead(HEAD, person, sample, sample.coefficients[0]).turn(drawn_turned(person, sample, turned))
    assert degrees(compose(invert(turned), found)) < 0.3


def test_a_turn_between_two_blurred_pale_and_noisy_pictures_is_found_too(scenes):
    person, sample, rng = scenes.shown[0], scenes.apart[0], np.random.default_rng(0)
    found = []
    for yaw in (4.0, 8.0):
        exact = drawn_turned(person, sample, from_yaw_pitch_roll(torch.tensor([yaw, 0.0, 0.0]))).permute(1, 2, 0).numpy()
        made = cv2.GaussianBlur(exact.astype(np.float32), (0, 0), 1.2) * 0.85 + 15 + rng.normal(0, 12, exact.shape)
        picture = torch.from_numpy(made.clip(0, 255).astype(np.uint8)).permute(2, 0, 1)
        found.append(MatchedHead(HEAD, person, sample, sample.coefficients[0]).turn(picture))
    assert degrees(compose(invert(found[0]), found[1])) == pytest.approx(4, abs=1)


def test_another_face_on_a_head_that_keeps_still_turns_nothing(scenes):
    truth = torch.stack([sample.targets for sample in scenes.apart])
    assert turned_apart(HEAD, scenes.shown, scenes.apart, truth, (0, FACE_CHANGED)) < 1e-3


def test_a_head_that_turns_with_another_face_is_found_out(scenes):
    turn = from_yaw_pitch_roll(torch.tensor([3.0, 0.0, 0.0]))
    made = torch.stack([sample.targets for sample in scenes.apart])
    for pictures, person, sample in zip(made, scenes.shown, scenes.apart, strict=True):
        pictures[0] = drawn_turned(person, sample, turn)
    assert turned_apart(HEAD, scenes.shown, scenes.apart, made, (0, FACE_CHANGED)) == pytest.approx(3, abs=0.3)
