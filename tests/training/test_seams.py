"""Seams between windows: which frames they are at, and that a jump there is seen."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.diffusion.pipeline import SamplerConfig
from loki_core.diffusion.windows import plan_windows
from loki_core.head.embedded import embedded_head
from loki_core.training.seams import joints, measure_seams, seams_of


@given(st.integers(1, 60), st.integers(2, 16), st.integers(0, 8))
def test_a_joint_is_where_other_windows_see_a_frame(frames, size, overlap):
    windows = plan_windows(frames, size=size, overlap=min(overlap, size // 2))
    seen = [{i for i, window in enumerate(windows) if window.start <= frame < window.stop} for frame in range(frames)]
    assert joints(windows) == tuple(frame for frame in range(1, frames) if seen[frame] != seen[frame - 1])


def test_the_truth_itself_has_no_seams():
    clips = torch.randint(256, (2, 9, 3, 4, 4), dtype=torch.uint8)
    found = seams_of(clips, clips, (3, 6))
    assert (found.at_joints, found.elsewhere) == (1.0, 1.0)


def test_a_jump_at_a_joint_is_told_from_motion():
    truth = torch.arange(8, dtype=torch.uint8).reshape(1, 8, 1, 1, 1).expand(1, 8, 3, 4, 4).contiguous()
    made = truth.clone()
    made[:, 4:] += 10
    found = seams_of(made, truth, (4,))
    assert found.at_joints == pytest.approx(11) and found.elsewhere == pytest.approx(1)


def test_a_network_is_measured_on_clips_of_several_windows(tiny_pipeline):
    found = measure_seams(tiny_pipeline, embedded_head(), SamplerConfig(steps=2, window=4, overlap=2), clips=2, frames=8)
    assert (found.clips, found.frames) == (2, 8) and found.at_joints > 0 and found.elsewhere > 0
