"""Windows of synthetic people: the same for the same number, with maps that belong to the pictures."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch

from loki_core.data.samples import SyntheticConfig, SyntheticWindows, collate
from loki_core.head.embedded import embedded_head
from loki_core.head.model import pose_vertices
from loki_core.raster.camera import clip_from_camera
from loki_core.raster.driver_map import driver_map

CONFIG = SyntheticConfig(size=32, frames=3)


@pytest.fixture(scope="module")
def windows() -> SyntheticWindows:
    return SyntheticWindows(embedded_head(), CONFIG)


def test_a_window_depends_on_seed_and_number_alone(windows):
    windows[5]
    again, other = SyntheticWindows(embedded_head(), CONFIG)[3], SyntheticWindows(embedded_head(), replace(CONFIG, seed=1))[3]
    first, second = collate([windows[3]]), collate([again])
    assert all(torch.equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    assert not torch.equal(windows[3].reference, other.reference)


def test_the_maps_are_those_of_the_coefficients(windows):
    sample = windows[1]
    oracle = driver_map(windows.head, sample.coefficients, sample.camera, sample.crop, size=(32, 32))
    close = (sample.maps.float() - oracle.map.float()).abs().amax(1) < 0.05  # posed with and without shape axes: rounding
    assert close.float().mean() > 0.98
    assert (sample.masks == oracle.mask).float().mean() > 0.995


def test_the_head_stands_in_the_crop(windows):
    for index in range(6):
        sample = windows[index]
        seen = clip_from_camera(sample.camera, sample.crop, pose_vertices(windows.head, sample.reference_coefficients))
        assert (seen[..., :2].abs() <= 1).float().mean() > 0.97


def test_one_person_in_a_window_and_another_in_the_next(windows):
    betas = [windows[index].coefficients.betas for index in (0, 1)]
    assert torch.equal(betas[0][0], betas[0][2]) and not torch.equal(betas[0][0], betas[1][0])


def test_a_still_scene_changes_on_the_head_only():
    config = replace(CONFIG, clips=0.0, still=1.0)
    sample = SyntheticWindows(embedded_head(), config)[0]
    corners = sample.targets[:, :, :3, :3]
    assert torch.equal(corners[0], corners[1])
    assert not torch.equal(sample.targets[0], sample.targets[1])
    assert torch.equal(sample.coefficients.global_orient[0], sample.coefficients.global_orient[2])


def test_frames_of_a_clip_follow_each_other_closely():
    moving = replace(CONFIG, clips=1.0)
    apart = replace(CONFIG, clips=0.0, still=0.0)

    def change(config: SyntheticConfig) -> float:
        samples = [SyntheticWindows(embedded_head(), config)[index] for index in range(4)]
        return sum(float(s.coefficients.global_orient.diff(dim=0).norm()) for s in samples)

    assert change(moving) < 0.5 * change(apart)


def test_samples_become_a_batch(windows):
    batch = collate([windows[0], windows[1]])
    assert batch.targets.shape == (2, 3, 3, 32, 32) and batch.maps.shape == (2, 3, 45, 32, 32)
    assert float(batch.focus.amax()) <= 1 and float(batch.focus.mean()) > 0
