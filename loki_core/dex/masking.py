"""Pictures as the pose encoder reads them: eyes and mouth are hidden, so that pose cannot be read from them."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from loki_core.dex.configs import MotionConfig

__all__ = ["hide_features", "pose_pictures"]

_SHARE = 16
"""Sides of a picture to a margin about what is hidden."""


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
