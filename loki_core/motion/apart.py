"""Pose from one performance and expression from another: each coefficient comes from one of the two, as it is there."""

from __future__ import annotations

from dataclasses import replace

import torch

from loki_core.head.params import FlameParams

__all__ = ["with_pose", "without_expression"]


def with_pose(expression: FlameParams, pose: FlameParams) -> FlameParams:
    """`expression` with the head's turn and place and the neck's turn of `pose`. Both of one person, of one batch shape.

    Jaw and eyes belong to the expression, as in retargeting's gains. Raises `ValueError` for batches of different shapes.
    """
    if expression.batch_shape != pose.batch_shape:
        raise ValueError(
            f"expected as many poses as expressions, got {pose.batch_shape} and {expression.batch_shape}; place them"
        )
    return replace(expression, global_orient=pose.global_orient, neck_pose=pose.neck_pose, translation=pose.translation)


def without_expression(params: FlameParams) -> FlameParams:
    """The same person in the same pose with a face at rest: no expression, jaw and eyes straight."""
    at_rest = {name: torch.zeros_like(getattr(params, name)) for name in ("expression", "jaw_pose", "eye_pose")}
    return replace(params, **at_rest)
