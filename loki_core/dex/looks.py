"""Pictures as the encoders read them: for pose without eyes and mouth, for expression the face alone."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from loki_core.dex.configs import ExpressionConfig, MotionConfig
from loki_core.head.rotation import rotation_matrix

__all__ = ["crop_faces", "hide_features", "pose_pictures"]

_SHARE = 16
"""Sides of a picture to a margin about what is hidden."""
_BELOW, _HALF = 0.28, 0.68
"""Times 10 cm on the head: how far a face's middle is below that between the eyes, and half a side of the square about it."""


def hide_features(pictures: Float[Tensor, "B 3 H W"], focus: Float[Tensor, "B H W"]) -> Float[Tensor, "B 3 H W"]:
    """Grey wherever eyes, brows, lids or mouth are (`focus` above 0), and a little about them, so that no outline is left."""
    reach = max(1, pictures.shape[-1] // _SHARE)
    near = F.max_pool2d((focus > 0).to(pictures.dtype)[:, None], 2 * reach + 1, stride=1, padding=reach)
    return pictures * (1 - near)


def pose_pictures(
    config: MotionConfig, pictures: Float[Tensor, "B 3 H W"], focus: Float[Tensor, "B H W"]
) -> Float[Tensor, "B 3 H W"]:
    """What a network's pose encoder is shown: pictures with hidden features; trained without augmentation, as they are."""
    return hide_features(pictures, focus) if config.augmented else pictures


def crop_faces(
    config: ExpressionConfig, pictures: Float[Tensor, "B 3 H W"], places: Float[Tensor, "B 6"]
) -> Float[Tensor, "B 3 S S"]:
    """What the expression encoder is shown: an upright square about each face, from above the brows to below the mouth.

    `places` say where the heads are, as `head_similarity` gives them. Beyond the picture it is grey.
    """
    size = places[:, 5:].exp()
    middle = places[:, 3:5] + _BELOW * size * rotation_matrix(places[:, :3])[:, :2, 1]
    square = torch.cat([torch.eye(2).to(size) * (_HALF * size)[..., None], middle[..., None]], dim=-1)
    grid = F.affine_grid(square, [len(pictures), 3, config.size, config.size], align_corners=False)
    return F.grid_sample(pictures, grid.to(pictures), align_corners=False)
