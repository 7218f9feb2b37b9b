from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.head.model import HeadModel
from loki_core.head.units import unit_basis
from loki_core.motion.convert import convert_motion
from tests.motion.tracks import still_motion


def test_motion_goes_over_to_another_head_by_the_names_of_its_units(tiny_head: HeadModel) -> None:
    order = [2, 3, 0, 1]
    other = replace(
        tiny_head,
        expression_basis=tiny_head.expression_basis[..., order],
        expression_names=tuple(tiny_head.expression_names[i] for i in order),
        unit_joints=tiny_head.unit_joints[order],
        hash="other",
    )
    motion = still_motion(tiny_head, 3)
    motion.expression[1] = torch.tensor([0.0, 0.8, 0.1, 0.3])
    motion.global_orient[2, 1] = 0.3
    result = convert_motion(motion, tiny_head, unit_basis(tiny_head, tiny_head), other, unit_basis(other, tiny_head))
    torch.testing.assert_close(result.expression, motion.expression[:, order], atol=0.02, rtol=0)
    torch.testing.assert_close(result.global_orient, motion.global_orient)
    assert (result.head, result.fps, result.camera) == (other.id, motion.fps, motion.camera)


def test_motion_of_a_third_head_is_refused(tiny_head: HeadModel) -> None:
    units = unit_basis(tiny_head, tiny_head)
    stranger = replace(still_motion(tiny_head, 2), head=replace(tiny_head.id, hash="third"))
    with pytest.raises(ValueError, match="expected a motion on the head 'tiny'"):
        convert_motion(stranger, tiny_head, units, tiny_head, units)
