"""Blocks that the networks of DeX-Portrait are built of."""

from __future__ import annotations

from itertools import pairwise
from math import gcd

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["AdaptiveBlock", "ConvNeXtBlock", "ResidualBlock", "ResidualStages", "norm_groups"]

_MAX_GROUPS = 32


def norm_groups(width: int) -> int:
    """Of a group normalisation: at least two channels to a group, and all groups alike. `width` is even."""
    return gcd(_MAX_GROUPS, width // 2)


class ResidualBlock(nn.Module):
    """Two 3-wide convolutions with group normalisation before each, in 2 or 3 dimensions."""

    def __init__(self, before: int, after: int, *, dimensions: int = 2) -> None:
        super().__init__()
        conv: type[nn.Conv2d] | type[nn.Conv3d] = nn.Conv3d if dimensions == 3 else nn.Conv2d
        self.norms = nn.ModuleList(nn.GroupNorm(norm_groups(width), width) for width in (before, after))
        self.convs = nn.ModuleList([conv(before, after, 3, padding=1), conv(after, after, 3, padding=1)])
        self.skip = conv(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Float[Tensor, "B C *S"]) -> Float[Tensor, "B D *S"]:
        hidden = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            hidden = conv(F.silu(norm(hidden)))
        return self.skip(x) + hidden


class ResidualStages(nn.Module):
    """A picture, its pixels folded, through residual blocks; each width after the first halves the size."""

    def __init__(self, widths: tuple[int, ...], unshuffle: int) -> None:
        super().__init__()
        self.unshuffle = unshuffle
        self.stem = nn.Conv2d(3 * unshuffle**2, widths[0], 3, padding=1)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(ResidualBlock(before, after), nn.Conv2d(after, after, 3, stride=2, padding=1))
                for before, after in pairwise(widths)
            )
        )

    def forward(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C h w"]:
        return self.each(pictures)[-1]

    def each(self, pictures: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B C h w"]]:
        """What each width has, finest first."""
        seen = [self.stem(F.pixel_unshuffle(pictures, self.unshuffle))]
        for stage in self.stages:
            seen.append(stage(seen[-1]))
        return seen


class AdaptiveBlock(nn.Module):
    """Two convolutions behind adaptive instance normalisation (Huang & Belongie 2017, eq. 8): a latent gives scale and shift.

    How far it reaches is read from the features, place by place: a face that changes must not change the shoulders.
    """

    def __init__(self, before: int, after: int, latent: int) -> None:
        super().__init__()
        widths = ((before, after), (after, after))
        self.styles = nn.ModuleList(nn.Linear(latent, 2 * wide) for wide, _ in widths)
        self.convs = nn.ModuleList(nn.Conv2d(wide, out, 3, padding=1) for wide, out in widths)
        self.reach = nn.Conv2d(before, 1, 3, padding=1)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Float[Tensor, "B C H W"], latent: Float[Tensor, "B E"]) -> Float[Tensor, "B D H W"]:
        hidden, reach = x, torch.sigmoid(self.reach(F.instance_norm(x)))
        for style, conv in zip(self.styles, self.convs, strict=True):
            scale, shift = (reach * style(latent)[..., None, None]).chunk(2, dim=1)
            hidden = conv(F.silu(F.instance_norm(hidden) * (1 + scale) + shift))
        return self.skip(x) + hidden


class ConvNeXtBlock(nn.Module):
    """Depthwise 7 x 7, layer norm, two pointwise layers, layer scale (Liu et al. 2022, A ConvNet for the 2020s, fig. 4)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale = nn.Parameter(self.narrow.weight.new_full((width,), 0.1))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        hidden = self.norm(self.depthwise(x).movedim(1, -1))
        return x + (self.scale * self.narrow(F.gelu(self.widen(hidden)))).movedim(-1, 1)
