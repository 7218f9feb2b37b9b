from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from loki_core.head.model import HeadModel, pose_vertices, pose_with_offsets, with_identity
from loki_core.head.params import FlameParams


def random_params(head: HeadModel, batch: tuple[int, ...]) -> FlameParams:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return 0.4 * torch.randn(*batch, *shape, generator=generator)

    return FlameParams(draw(head.shape_count), draw(head.expression_count), draw(3), draw(3), draw(3), draw(2, 3), draw(3))


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_turning_the_rootless_pose_gives_what_skinning_gives(tiny_head, batch):
    params = random_params(tiny_head, batch)
    assert torch.allclose(pose_with_offsets(tiny_head, params)[0], pose_vertices(tiny_head, params), atol=1e-6)


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_offsets_are_the_upright_head_minus_the_shaped_one(tiny_head, batch):
    params = random_params(tiny_head, batch)
    still = replace(params, global_orient=torch.zeros(*batch, 3), translation=torch.zeros(*batch, 3))
    shaped = replace(tiny_head.neutral(batch), betas=params.betas)
    expected = pose_vertices(tiny_head, still) - pose_vertices(tiny_head, shaped)
    assert torch.allclose(pose_with_offsets(tiny_head, params)[1], expected, atol=1e-6)


def test_a_head_of_one_identity_poses_as_the_head_with_its_betas(tiny_head):
    params = random_params(tiny_head, (3,))
    params = replace(params, betas=params.betas[:1].expand(3, -1))
    own, alone = with_identity(tiny_head, params.betas[0]), replace(params, betas=params.betas[:, :0])
    for fast, plain in zip(pose_with_offsets(own, alone), pose_with_offsets(tiny_head, params), strict=True):
        torch.testing.assert_close(fast, plain, atol=1e-6, rtol=0)
