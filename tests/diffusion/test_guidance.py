"""Guidance weights against the formulas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.diffusion.guidance import Guidance

weights = st.floats(-3, 8)


def added_up(guidance, predictions):
    return sum(branch.weight * predictions[branch.reference, branch.map] for branch in guidance.branches())


@given(weights, st.floats(-1, 1), st.floats(-1, 1))
def test_joint_guidance_is_the_formula(scale, cond, uncond):
    got = added_up(Guidance(motion=scale), {(True, True): cond, (False, False): uncond})
    assert got == pytest.approx(uncond + scale * (cond - uncond), abs=1e-9)


@given(weights, weights, st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_separate_guidance_is_the_formula(motion, identity, cond, identity_only, uncond):
    predictions = {(True, True): cond, (True, False): identity_only, (False, False): uncond}
    expected = uncond + identity * (identity_only - uncond) + motion * (cond - identity_only)
    assert added_up(Guidance(motion, identity), predictions) == pytest.approx(expected, abs=1e-9)


def test_no_guidance_is_one_call():
    assert len(Guidance(1.0).branches()) == len(Guidance(1.0, 1.0).branches()) == 1
    assert len(Guidance(2.0).branches()) == 2
    assert len(Guidance(2.0, 1.5).branches()) == 3
