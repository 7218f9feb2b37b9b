"""HEF: how far the face's deformation is from the target's."""

from __future__ import annotations

from dataclasses import replace

import torch

from loki_core.errors import InputError
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.metrics.pose import seen_in_both
from loki_core.motion.clip import Motion
from loki_core.raster.camera import Camera, clip_from_camera, head_crop, project
from loki_core.raster.driver_map import deformation
from loki_core.raster.rasterize import interpolate_attributes, rasterize

__all__ = ["hef"]


def hef(pred: Motion, target: Motion, head: HeadModel, *, frames: int | None = None, size: int = 512) -> float:
    """Head-expression fidelity (Loki): mean difference of the deformation maps, in units of the head's deformation scale.

    Both maps are drawn with the target's shape, pose, neck, camera and crop; expression, jaw and eyes are the target's in one and
    the prediction's in the other. Mean over xyz of |difference|, over the pixels (of `size` x `size`) on the target's mesh, which
    are the same for every prediction, over frames. `frames` counts from the start, as the paper's first 16; None = all. Frames
    lost in either motion are left out. 0 is best.
    """
    if not pred.head == target.head == head.id:
        raise ValueError(f"expected two motions on the head '{head.name}', got '{pred.head.name}' and '{target.head.name}'")
    if target.camera is None:
        raise InputError("expected a target that was tracked with a camera, got a hand-made motion; track its rendered video")
    wanted = target.params()
    made = replace(wanted, expression=pred.expression, jaw_pose=pred.jaw_pose, eye_pose=pred.eye_pose)
    seen = torch.nonzero(seen_in_both(pred, target, frames)).flatten().tolist()
    return sum(_frame_difference(head, made[t], wanted[t], target.camera, size) for t in seen) / len(seen)


def _frame_difference(head: HeadModel, pred: FlameParams, target: FlameParams, camera: Camera, size: int) -> float:
    crop = head_crop(project(camera, pose_vertices(head, target)))
    both = FlameParams(**{name: torch.stack([getattr(pred, name), getattr(target, name)]) for name in vars(target)})
    buffers = rasterize(clip_from_camera(camera, crop, pose_vertices(head, both)), head.faces, size=(size, size))
    maps = interpolate_attributes(buffers, head.faces, deformation(head, both))
    return float((maps[0] - maps[1]).abs().mean(-1)[buffers.mask[1]].mean())
