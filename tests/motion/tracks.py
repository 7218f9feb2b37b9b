"""A tiny head and synthetic motions on it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import torch

from loki_core.head.model import HeadModel
from loki_core.motion.clip import Motion
from loki_core.raster.camera import Camera

UNITS = ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthClose", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "psi007")
"""Axes of the tiny head: seven named units and one that has no natural range."""


def tiny_head() -> HeadModel:
    """A tetrahedron in FLAME's layout: all that code on coefficients needs."""
    generator = torch.Generator().manual_seed(0)
    unit_joints = torch.zeros(len(UNITS), 3, 3)
    unit_joints[UNITS.index("jawOpen"), 0, 0] = 0.5
    return HeadModel(
        name="tiny",
        template=torch.tensor([[0.1, 0, 0], [-0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]]),
        shape_basis=torch.randn(4, 3, 3, generator=generator) * 0.01,
        expression_basis=torch.randn(4, 3, len(UNITS), generator=generator) * 0.01,
        pose_correctives=torch.zeros(36, 12),
        joint_regressor=torch.full((5, 4), 0.25),
        skinning_weights=torch.full((4, 5), 0.2),
        parents=(-1, 0, 1, 1, 1),
        faces=torch.tensor([[0, 2, 3], [1, 3, 2], [0, 3, 1], [0, 1, 2]]),
        face_part=torch.zeros(4, dtype=torch.long),
        vertex_masks={},
        mirror=torch.tensor([1, 0, 2, 3]),
        expression_names=UNITS,
        unit_joints=unit_joints,
        shape_names=("a", "b", "c"),
        named_shapes={},
        deformation_scale=0.01,
        anchors=None,
        hash="0123456789abcdef",
    )


def still_motion(head: HeadModel, frames: int, fps: Fraction = Fraction(30)) -> Motion:
    """A neutral face 0.6 m in front of the camera, seen well throughout."""
    params = head.neutral((frames,))
    return Motion(
        betas=params.betas[0],
        expression=params.expression,
        global_orient=params.global_orient,
        neck_pose=params.neck_pose,
        jaw_pose=params.jaw_pose,
        eye_pose=params.eye_pose,
        translation=params.translation + torch.tensor([0.0, 0.0, -0.6]),
        confidence=torch.ones(frames),
        fps=fps,
        head=head.id,
        camera=Camera(focal=800, cx=256, cy=256, width=512, height=512),
    )


def random_motion(head: HeadModel, frames: int, seed: int = 0) -> Motion:
    """Independent random coefficients in every frame, units within 0 and 1."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int, scale: float) -> torch.Tensor:
        return (torch.rand(*shape, generator=generator) * 2 - 1) * scale

    still = still_motion(head, frames, Fraction(30000, 1001))
    return replace(
        still,
        betas=noise(head.shape_count, scale=2),
        expression=noise(frames, head.expression_count, scale=1).abs(),
        global_orient=noise(frames, 3, scale=0.5),
        neck_pose=noise(frames, 3, scale=0.2),
        jaw_pose=noise(frames, 3, scale=0.02) + torch.tensor([0.1, 0, 0]),
        eye_pose=noise(frames, 2, 3, scale=0.3),
        translation=still.translation + noise(frames, 3, scale=0.1),
        confidence=noise(frames, scale=1).abs(),
    )
