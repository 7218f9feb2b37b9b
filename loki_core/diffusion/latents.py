"""Between pictures and latents: Stable Diffusion's VAE where there is one, else pixels folded into channels."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Scaled", "from_latents", "to_latents"]


@runtime_checkable
class Scaled(Protocol):
    """A configuration of a network on latents."""

    @property
    def latent_scale(self) -> int:
        """Pixels of the picture to a latent pixel, along a side."""
        ...


def to_latents(images: Float[Tensor, "B 3 H W"], config: Scaled, vae: Any = None) -> Float[Tensor, "B C h w"]:
    """Latents of pictures in [-1, 1]; the VAE's mean, scaled. `vae` is an AutoencoderKL, or None for `pixel_unshuffle`."""
    if vae is None:
        return F.pixel_unshuffle(images, config.latent_scale)
    return vae.encode(images).latent_dist.mode() * vae.config.scaling_factor


def from_latents(latents: Float[Tensor, "B C h w"], config: Scaled, vae: Any = None) -> Float[Tensor, "B 3 H W"]:
    """Pictures in [-1, 1], not clamped: the inverse of `to_latents`."""
    if vae is None:
        return F.pixel_shuffle(latents, config.latent_scale)
    return vae.decode(latents / vae.config.scaling_factor).sample
