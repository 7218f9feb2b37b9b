from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.metrics.evaluate import Report, evaluate, report_json
from loki_core.motion.clip import Motion
from loki_core.raster.camera import Camera
from tests.motion.tracks import random_motion

CAMERA = Camera(focal=60, cx=24, cy=20, width=48, height=40)
GENERATOR = np.random.default_rng(0)
CLIP = [GENERATOR.integers(0, 255, (40, 48, 3), dtype=np.uint8) for _ in range(4)]


def clip_motion(head: HeadModel) -> Motion:
    return replace(random_motion(head, 4), camera=CAMERA)


def measure(
    pred: list[np.ndarray], target: list[np.ndarray], made: Motion, wanted: Motion, head: HeadModel, **options: int
) -> Report:
    return evaluate(pred, target, made, wanted, head, tracker="t", map_size=64, **options)


def test_clip_against_itself_is_perfect_and_the_frozen_one_is_not(tiny_head: HeadModel) -> None:
    motion = clip_motion(tiny_head)
    report = measure(CLIP, CLIP, motion, motion, tiny_head)
    assert report.hpf_degrees == pytest.approx(0, abs=1e-4)
    assert (report.hef, report.psnr_db, report.head_psnr_db, report.frames) == (0, np.inf, np.inf, 4)
    assert report.ssim == pytest.approx(1)
    assert report.frozen.hpf_degrees > 5 and report.frozen.hef > 0 and report.frozen.ssim < 0.5
    assert 5 < report.frozen.psnr_db < 12


def test_frozen_clip_gets_the_frozen_scores(tiny_head: HeadModel) -> None:
    motion = clip_motion(tiny_head)
    first = torch.zeros(4, dtype=torch.long)
    still = {
        n: getattr(motion, n)[first] for n in ("expression", "global_orient", "neck_pose", "jaw_pose", "eye_pose", "translation")
    }
    report = measure([CLIP[0]] * 4, CLIP, replace(motion, **still), motion, tiny_head)
    mine, frozen = report_json(report), report_json(report)["frozen"]
    assert isinstance(frozen, dict)
    assert {name: value for name, value in mine.items() if name != "frozen"} == pytest.approx(frozen)


def test_json_has_the_promised_keys_and_no_infinity(tiny_head: HeadModel) -> None:
    motion = clip_motion(tiny_head)
    data = json.loads(json.dumps(report_json(measure(CLIP, CLIP, motion, motion, tiny_head)), allow_nan=False))
    keys = {"hpf_degrees", "hef", "psnr_db", "head_psnr_db", "ssim", "frames", "tracker"}
    assert set(data) == keys | {"frozen"} and set(data["frozen"]) == keys
    assert data["psnr_db"] is None and data["tracker"] == "t"


def test_only_the_frames_that_both_have_count(tiny_head: HeadModel) -> None:
    motion = clip_motion(tiny_head)
    short = Motion.of(motion.params()[:3], fps=motion.fps, head=motion.head, camera=CAMERA)
    assert measure(CLIP[:3], CLIP, short, motion, tiny_head).frames == 3
    assert measure(CLIP, CLIP, motion, motion, tiny_head, frames=2).frames == 2


def test_head_psnr_counts_the_target_heads_pixels_alone(tiny_head: HeadModel) -> None:
    motion = clip_motion(tiny_head)
    away = replace(motion, translation=motion.translation.clone())
    away.translation[:, 0] = 50.0
    report = measure(CLIP, CLIP, motion, away, tiny_head)
    assert report.psnr_db == np.inf and np.isnan(report.head_psnr_db), "a head outside the picture has no pixels"


def test_what_cannot_be_compared_is_refused(tiny_head: HeadModel) -> None:
    motion = clip_motion(tiny_head)
    with pytest.raises(InputError, match="one size"):
        measure([frame[:-1] for frame in CLIP], CLIP, motion, motion, tiny_head)
    with pytest.raises(InputError, match="got an empty one"):
        measure([], CLIP, motion, motion, tiny_head)
    with pytest.raises(InputError, match="tracked with a camera"):
        measure(CLIP, CLIP, motion, replace(motion, camera=None), tiny_head)
