"""Curves against a plain walk over their keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from loki_core.errors import InputError
from loki_core.timeline.curves import INTERPOLATIONS, Curve, Key, sample

values = st.floats(-5, 5)
handles = st.one_of(st.none(), st.tuples(st.floats(0.1, 30), st.floats(-3, 3)))


@st.composite
def curves(draw: st.DrawFn, kinds: tuple[str, ...] = INTERPOLATIONS, least: int = 1) -> Curve:
    frames = sorted(draw(st.sets(st.integers(-20, 60), min_size=least, max_size=6)))
    keys = []
    for frame in frames:
        left, right = draw(handles), draw(handles)
        keys.append(Key(frame, draw(values), draw(st.sampled_from(kinds)), left and (-left[0], left[1]), right))
    return Curve(tuple(keys))


def slow(curve: Curve, frame: float) -> float:
    """The value at one frame, found by looking."""
    before = [key for key in curve.keys if key.frame <= frame]
    after = [key for key in curve.keys if key.frame > frame]
    if not before or not after:
        return (before or after)[-1 if before else 0].value
    a, b = before[-1], after[0]
    length = b.frame - a.frame
    time = (frame - a.frame) / length
    if a.interpolation == "constant":
        return a.value
    if a.interpolation == "linear":
        return a.value + time * (b.value - a.value)
    if a.interpolation == "ease":
        return a.value + (3 * time**2 - 2 * time**3) * (b.value - a.value)
    assert a.right and b.left
    first, second = (np.array(h) * min(1, length / abs(h[0])) for h in (a.right, b.left))
    points = np.array([[a.frame, a.value], [a.frame + first[0], a.value + first[1]],
                       [b.frame + second[0], b.value + second[1]], [b.frame, b.value]])  # fmt: skip

    def at(t: float) -> np.ndarray:
        q = points
        for _ in range(3):  # de Casteljau
            q = q[:-1] + t * (q[1:] - q[:-1])
        return q[0]

    return float(at(brentq(lambda t: at(t)[0] - frame, 0, 1, xtol=1e-14))[1])


@given(curves(("constant", "linear", "ease")), st.floats(-30, 70))
def test_a_sample_is_what_looking_finds(curve: Curve, frame: float) -> None:
    assert sample(curve, np.array([frame]))[0] == pytest.approx(slow(curve, frame), abs=1e-9)


@given(curves(("bezier",)), st.floats(-30, 70))
def test_a_bezier_goes_along_its_handles(curve: Curve, frame: float) -> None:
    keys = tuple(Key(key.frame, key.value, "bezier", key.left or (-1.0, 0.5), key.right or (1.0, -0.5)) for key in curve.keys)
    assert sample(Curve(keys), np.array([frame]))[0] == pytest.approx(slow(Curve(keys), frame), abs=1e-6)


@given(curves(least=2))
def test_keys_are_met_exactly(curve: Curve) -> None:
    frames = np.array([key.frame for key in curve.keys], dtype=np.float64)
    assert np.array_equal(sample(curve, frames), [key.value for key in curve.keys])


@given(curves(least=2))
def test_automatic_handles_never_overshoot(curve: Curve) -> None:
    plain = Curve(tuple(Key(key.frame, key.value) for key in curve.keys))
    for a, b in zip(plain.keys, plain.keys[1:], strict=False):
        between = sample(plain, np.linspace(a.frame, b.frame, 50))
        assert min(a.value, b.value) - 1e-9 <= between.min() <= between.max() <= max(a.value, b.value) + 1e-9


@given(curves(least=2), st.integers(0, 80))
def test_sampling_part_of_the_frames_gives_that_part(curve: Curve, start: int) -> None:
    frames = np.arange(-20.0, 70.0)
    assert np.array_equal(sample(curve, frames)[start:], sample(curve, frames[start:]))


def test_a_key_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="finite"):
        Key(0, float("nan"))
    with pytest.raises(InputError, match="left handle before"):
        Key(0, 1.0, "bezier", (2.0, 0.0))
    with pytest.raises(ValueError, match="in order"):
        Curve((Key(3, 0.0), Key(3, 1.0)))


def test_whole_numbers_are_numbers_too() -> None:
    curve = Curve((Key(0, 0, "linear"), Key(4, 1)))
    assert sample(curve, np.arange(5.0)).tolist() == [0, 0.25, 0.5, 0.75, 1]
