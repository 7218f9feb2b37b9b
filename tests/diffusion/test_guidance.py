"""Guidance weights against the formulas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_core.diffusion.guidance import Branch, Guidance, expression_share

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


@pytest.mark.parametrize(("t", "share"), [(35, 0), (31, 0), (30, 0), (28, 0.4), (25, 1), (1, 1)])
def test_expression_comes_in_as_dex_portrait_has_it_at_35_steps(t, share):
    assert expression_share(35 - t, 5) == pytest.approx(share)


@given(st.integers(1, 35))
def test_the_cross_fade_is_the_printed_formula(t):
    share = expression_share(35 - t, 5)
    if t > 30:
        assert share == 0
    elif t > 25:
        assert 1 - share == pytest.approx((t - 25) / 5)
        assert share == pytest.approx((30 - t) / 5)
    else:
        assert share == 1


@given(weights, st.integers(0, 34), st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_progressive_guidance_is_guidance_of_the_mixed_prediction(scale, step, whole, posed, uncond):
    predictions = {(True, True): whole, (True, False): posed, (False, True): uncond}
    parts = Guidance(scale, progressive=5).branches(step)
    got = sum(part.weight * predictions[part.map, part.expression] for part in parts)
    mixed = whole * expression_share(step, 5) + posed * (1 - expression_share(step, 5))
    assert got == pytest.approx(scale * mixed + (1 - scale) * uncond, abs=1e-9)


def test_progressive_guidance_calls_the_network_a_third_time_only_while_it_fades():
    guidance = Guidance(2.5, progressive=5)
    assert [len(guidance.branches(step)) for step in (0, 5, 6, 9, 10, 34)] == [2, 2, 3, 3, 2, 2]
    assert Branch(2.5, reference=True, map=True, expression=False) in guidance.branches(0)


def test_progressive_guidance_needs_the_step():
    with pytest.raises(ValueError, match="number of the step"):
        Guidance(progressive=5).branches()
    with pytest.raises(ValueError, match="0 or more"):
        Guidance(progressive=-1)
