"""Windows cover a clip, and their weights are those of a mean."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.diffusion.windows import Window, WindowBlend, plan_windows, triangular_weights, windows_of

plans = st.tuples(st.integers(1, 90), st.integers(1, 16)).flatmap(
    lambda given: st.tuples(st.just(given[0]), st.just(given[1]), st.integers(0, given[1] - 1))
)


@given(plans)
def test_each_frame_is_covered_and_settled_once(plan):
    frames, size, overlap = plan
    windows = plan_windows(frames, size=size, overlap=overlap)
    assert all(w.stop - w.start == min(size, frames) for w in windows)
    assert [f for w in windows for f in range(w.start, w.settled)] == list(range(frames))
    assert all(before.stop - after.start >= overlap for before, after in pairwise(windows))


def test_a_clip_of_one_window_or_less_is_one_window():
    assert [len(plan_windows(n, size=16, overlap=4)) for n in (1, 15, 16, 17, 28, 29)] == [1, 1, 1, 2, 2, 3]


def test_an_overlap_of_a_whole_window_is_refused():
    with pytest.raises(ValueError, match="overlap"):
        plan_windows(20, size=4, overlap=4)


def test_weights_rise_to_the_middle_and_fall():
    assert triangular_weights(5).tolist() == [1, 2, 3, 2, 1]
    assert triangular_weights(4).tolist() == [1, 2, 2, 1]


def written_out(windows, predictions, k):
    """For each frame of window `k`: the weighted mean over the windows up to `k` that see it."""
    out = []
    for frame in range(windows[k].start, windows[k].stop):
        total, share = torch.zeros_like(predictions[0][0]), torch.zeros(())
        for window, prediction in zip(windows[: k + 1], predictions, strict=False):
            if window.start <= frame < window.stop:
                weight = triangular_weights(window.stop - window.start)[frame - window.start]
                total, share = total + weight * prediction[frame - window.start], share + weight
        out.append(total / share)
    return torch.stack(out)


@given(plans)
def test_blending_is_the_weighted_mean_of_all_windows_so_far(plan):
    frames, size, overlap = plan
    windows = plan_windows(frames, size=size, overlap=overlap)
    generator = torch.Generator().manual_seed(0)
    predictions = [torch.randn(w.stop - w.start, 1, 2, 2, generator=generator) for w in windows]
    blend = WindowBlend()
    for k, window in enumerate(windows):
        torch.testing.assert_close(
            blend.blend(window, predictions[k]), written_out(windows, predictions, k), atol=1e-5, rtol=1e-5
        )


@given(plans)
def test_weights_sum_to_one(plan):
    frames, size, overlap = plan
    blend = WindowBlend()
    for window in plan_windows(frames, size=size, overlap=overlap):
        ones = torch.ones(window.stop - window.start, 1, 1, 1)
        torch.testing.assert_close(blend.blend(window, ones), ones)


def test_without_overlap_a_prediction_stays_bit_for_bit():
    blend, windows = WindowBlend(), plan_windows(8, size=4, overlap=0)
    for window in windows:
        prediction = torch.randn(4, 1, 2, 2)
        assert torch.equal(blend.blend(window, prediction), prediction)


@given(plans, st.data())
def test_the_windows_of_a_part_are_those_that_see_one_of_its_frames(plan, data):
    frames, size, overlap = plan
    windows = plan_windows(frames, size=size, overlap=overlap)
    first = data.draw(st.integers(0, frames - 1))
    part = range(first, data.draw(st.integers(first + 1, frames)))
    seen = [w for w in windows if set(part) & set(range(w.start, w.stop))]
    assert list(windows_of(windows, part)) == seen


@given(plans, st.data())
def test_a_frame_depends_on_the_windows_that_see_it_alone(plan, data):
    frames, size, overlap = plan
    windows, made = plan_windows(frames, size=size, overlap=overlap), torch.Generator().manual_seed(1)
    latents = {window: torch.randn(window.stop - window.start, 1, 1, 1, generator=made) for window in windows}
    frame = data.draw(st.integers(0, frames - 1))

    def blended(chosen: tuple[Window, ...]) -> float:
        blend = WindowBlend()
        parts = {window: blend.blend(window, latents[window]) for window in chosen}
        (last,) = (window for window in chosen if window.start <= frame < window.settled)
        return parts[last][frame - last.start].item()

    assert blended(windows) == pytest.approx(blended(windows_of(windows, range(frame, frame + 1))), abs=1e-5)
