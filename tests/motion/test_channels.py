from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.controls import control
from loki_core.head.embedded import embedded_head
from loki_core.head.model import HeadModel
from loki_core.head.units import unit_basis
from loki_core.motion.channels import channel, channel_names
from loki_core.motion.clip import Motion
from tests.motion.tracks import random_motion, still_motion

HEAD = embedded_head()


def test_every_channel_is_a_control_and_has_a_value_in_every_frame(head: HeadModel) -> None:
    motion = random_motion(head, 7)
    for name in channel_names(head):
        assert control(name).name == name
        assert channel(motion, head, name).shape == (7,)


def test_axes_that_are_no_units_are_left_out(head: HeadModel) -> None:
    assert "psi007" not in channel_names(head)
    with pytest.raises(InputError, match="expected one of headYaw"):
        channel(random_motion(head, 3), head, "psi007")


@pytest.mark.parametrize("name", ["headYaw", "headPitch", "headRoll", "jawOpen", "browInnerUp", "gazeYaw", "gazePitch"])
def test_a_channel_reads_what_its_control_sets(name: str) -> None:
    value = 0.3 if control(name).unit == "share" else 12.0
    frames = apply_controls(HEAD, unit_basis(HEAD, HEAD), HEAD.neutral((2,)), {name: torch.tensor([0.0, value])})
    motion = Motion.of(frames, fps=Fraction(25), head=HEAD.id)
    torch.testing.assert_close(channel(motion, HEAD, name), torch.tensor([0.0, value]), atol=1e-3, rtol=0)


def test_places_are_centimetres_and_turns_degrees_of_head_and_neck(head: HeadModel) -> None:
    motion = still_motion(head, 1)
    motion.global_orient[:, 1] = motion.neck_pose[:, 1] = math.radians(10)
    assert channel(motion, head, "headZ")[0] == pytest.approx(-60)
    assert channel(motion, head, "headYaw")[0] == pytest.approx(20, abs=1e-3)
