"""How alike two pictures are: PSNR, SSIM, and PSNR within a mask."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8
from skimage.metrics import structural_similarity

from loki_core.errors import InputError

__all__ = ["Image", "psnr", "psnr_of", "squared_error", "ssim"]

Image = UInt8[np.ndarray, "_ _ 3"]
"""(height, width, 3). Sizes are not bound by name: that two pictures differ is the user's doing, and told in words."""


def psnr(pred: Image, target: Image, mask: Bool[np.ndarray, "H W"] | None = None) -> float:
    """Peak signal-to-noise ratio in dB, over the pixels of `mask`; infinite for equal pictures."""
    return psnr_of(squared_error(pred, target, mask))


def squared_error(pred: Image, target: Image, mask: Bool[np.ndarray, "H W"] | None = None) -> float:
    """Mean squared difference in levels of 0 to 255, over the pixels of `mask`; NaN where it is empty."""
    _check_sizes(pred, target)
    difference = pred.astype(np.float32) - target
    if mask is not None:
        difference = difference[mask]
    return float(np.mean(difference**2)) if difference.size else float("nan")


def psnr_of(error: float) -> float:
    """10 log10(255² / mean squared error), dB."""
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def ssim(pred: Image, target: Image, mask: Bool[np.ndarray, "H W"] | None = None) -> float:
    """Structural similarity (Wang et al. 2004) with its 11-pixel gaussian window, mean over channels and the pixels of `mask`."""
    _check_sizes(pred, target)
    mean, everywhere = structural_similarity(
        pred, target, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return float(mean if mask is None else everywhere[mask].mean())


def _check_sizes(pred: Image, target: Image) -> None:
    if pred.shape != target.shape:
        raise InputError(f"expected pictures of one size, got {pred.shape} and {target.shape}; scale one of them first")
