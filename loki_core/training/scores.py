"""Figures over many pictures at once; pictures are sRGB bytes, 3 x H x W."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from loki_core.metrics.images import psnr, ssim

__all__ = ["direction_cosines", "frame_change", "head_colours", "head_psnr", "head_ssim", "retrieved"]

Pictures = UInt8[Tensor, "N 3 H W"]
Masks = Bool[Tensor, "N H W"]


def head_psnr(made: Pictures, truth: Pictures, masks: Masks) -> float:
    """Mean over pictures of the PSNR within the masks, dB."""
    return float(np.mean([psnr(*_arrays(*item)) for item in zip(made, truth, masks, strict=True)]))


def head_ssim(made: Pictures, truth: Pictures, masks: Masks) -> float:
    """Mean over pictures of the SSIM within the masks."""
    return float(np.mean([ssim(*_arrays(*item)) for item in zip(made, truth, masks, strict=True)]))


def direction_cosines(made: UInt8[Tensor, "N 2 3 H W"], truth: UInt8[Tensor, "N 2 3 H W"]) -> Float[Tensor, "N"]:
    """Cosine between the change from the first picture to the second as made and as it is; 0 where nothing changes."""
    first, second = ((pictures[:, 1].float() - pictures[:, 0]).flatten(1) for pictures in (made, truth))
    return F.cosine_similarity(first, second)


def head_colours(pictures: Pictures, masks: Masks) -> Float[Tensor, "N 6"]:
    """Mean and standard deviation of the channels within the masks, which must not be empty."""
    inside = [picture[:, mask].float() for picture, mask in zip(pictures, masks, strict=True)]
    return torch.stack([torch.cat([colours.mean(1), colours.std(1, correction=0)]) for colours in inside])


def retrieved(made: Float[Tensor, "N D"], gallery: Float[Tensor, "N D"], ways: int) -> float:
    """Share of rows whose own row of the gallery is the nearest among `ways` in a row; a last shorter group is left out."""
    groups = len(made) // ways
    if groups < 1:
        raise ValueError(f"expected at least {ways} rows, got {len(made)}")
    distances = torch.cdist(made[: groups * ways].view(groups, ways, -1), gallery[: groups * ways].view(groups, ways, -1))
    return float((distances.argmin(-1) == torch.arange(ways)).float().mean())


def frame_change(clip: UInt8[Tensor, "T 3 H W"]) -> float:
    """Mean absolute change from frame to frame, in levels of 0 to 255."""
    return float(clip.float().diff(dim=0).abs().mean())


def _arrays(
    made: UInt8[Tensor, "3 H W"], truth: UInt8[Tensor, "3 H W"], mask: Bool[Tensor, "H W"]
) -> tuple[UInt8[np.ndarray, "H W 3"], UInt8[np.ndarray, "H W 3"], Bool[np.ndarray, "H W"]]:
    return made.permute(1, 2, 0).numpy(), truth.permute(1, 2, 0).numpy(), mask.numpy()
