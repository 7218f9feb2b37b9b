"""What a run leaves to look at."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from loki_core.head.embedded import embedded_head
from loki_core.media.video_in import probe
from loki_core.training.run_log import RunLog
from loki_core.training.scores import head_psnr
from loki_core.training.validation import Validation, Validator


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator(embedded_head(), size=16, frames=3, people=2)


@pytest.fixture(scope="module")
def validation(validator: Validator, tiny_pipeline) -> Validation:
    return validator(tiny_pipeline)


def test_the_same_network_gives_the_same_clips(validator, validation, tiny_pipeline):
    assert torch.equal(validator(tiny_pipeline).made, validation.made)


def test_the_figures_are_those_of_heads(validation):
    everywhere = torch.ones(validation.truth.flatten(0, 1).shape[0], 16, 16, dtype=torch.bool)
    whole = head_psnr(validation.made.flatten(0, 1), validation.truth.flatten(0, 1), everywhere)
    assert validation.head_psnr != pytest.approx(whole)
    assert 0 < validation.head_psnr < validation.still_psnr


def test_clips_and_curves_are_written(tmp_path: Path, validation):
    with RunLog(tmp_path, 1) as log:
        log.step(1, 0.5, 1e-3)
        log.validation(500, validation)
    clip = probe(tmp_path / "validation" / "step-000500.mp4")
    assert (clip.frame_count, clip.width, clip.height) == (3, 2 * 16 * 2, 3 * 16 * 2)
    (curves,) = (tmp_path / "curves").iterdir()
    written = curves.read_bytes()
    assert all(name in written for name in (b"loss", b"rate", b"head_psnr", b"validation"))
