"""How far learned poses are from known ones: nothing but the learned head's own frame is forgiven."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loki_core.data.samples import SyntheticConfig, SyntheticWindows
from loki_core.data.vectors import head_similarity
from loki_core.dex.similarity import compose_poses, pose_matrix
from loki_core.head.embedded import embedded_head
from loki_core.head.model import pose_vertices
from loki_core.motion.apart import without_expression
from loki_core.raster.camera import Camera, CropBox, project
from loki_core.training.evaluation_pose import compare_poses


def random_poses(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return pose_matrix(torch.randn(count, 6, generator=generator, dtype=torch.double) * 0.4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20))
def test_a_head_in_a_frame_of_its_own_is_no_error(seed: int):
    known, frame = random_poses(12, seed), random_poses(1, seed + 1)
    learned = compose_poses(known, frame.expand_as(known))
    learned[:, 2, 3] = 0  # the encoder gives no depth
    found = compare_poses(learned, known)
    assert found.learned.rotation_degrees < 1e-4 and found.learned.shift_percent < 1e-4 and found.learned.scale_percent < 1e-4
    assert found.constant.rotation_degrees > 5 and found.pictures == 12


def test_errors_are_those_that_were_made():
    known = random_poses(400, 1)
    generator = torch.Generator().manual_seed(2)
    wrong = torch.randn(400, 3, generator=generator, dtype=torch.double)
    wrong = torch.deg2rad(torch.tensor(5.0)) * wrong / wrong.norm(dim=1, keepdim=True)
    size = torch.tensor([0.1, -0.1], dtype=torch.double).repeat(200)
    turned = compose_poses(known, pose_matrix(torch.cat([wrong, torch.zeros(400, 2, dtype=torch.double), size[:, None]], 1)))
    assert compare_poses(turned, known).learned.rotation_degrees == pytest.approx(5, abs=0.2)
    assert compare_poses(turned, known).learned.scale_percent == pytest.approx(10, abs=0.5)
    moved = known.clone()
    moved[:, 0, 3] += torch.tensor([0.1, -0.1], dtype=torch.double).repeat(200)
    assert compare_poses(moved, known).learned.shift_percent == pytest.approx(5, abs=0.2)


def test_one_pose_for_all_errs_as_much_as_the_constant_says():
    known = random_poses(50, 3)
    found = compare_poses(known[:1].expand_as(known), known)
    assert found.learned.rotation_degrees > 0.5 * found.constant.rotation_degrees


def test_a_known_pose_carries_the_skull_to_where_it_is_seen():
    head = embedded_head()
    sample = SyntheticWindows(head, SyntheticConfig(size=16, frames=2, clips=0.0, still=0.0))[3]
    far = replace(sample.coefficients, translation=torch.tensor([0.1, 0.2, -100.0]).expand(2, -1))
    camera, crop = Camera(focal=1e5, cx=250.0, cy=260.0, width=512, height=512), CropBox(cx=300.0, cy=100.0, half=150.0)
    scalp = head.vertex_masks["scalp"]
    params = without_expression(far)
    poses = pose_matrix(head_similarity(head, far, camera, crop))
    straight = replace(params, global_orient=torch.zeros(2, 3), neck_pose=torch.zeros(2, 3), translation=torch.zeros(2, 3))
    rest = pose_vertices(head, straight)
    eyes = torch.stack([head.vertex_masks[name] for name in ("eye_left", "eye_right")]).any(0)
    rest = (rest[:, scalp] - rest[:, eyes].mean(1, keepdim=True)) * torch.tensor([1.0, -1.0, -1.0])
    carried = rest / 0.1 @ poses[..., :3].mT + poses[:, None, :, 3]
    seen = (project(camera, pose_vertices(head, params)[:, scalp]) - torch.tensor([crop.cx, crop.cy])) / crop.half
    assert (carried[..., :2] - seen).abs().quantile(0.9) < 0.005  # the nape turns less than the skull
