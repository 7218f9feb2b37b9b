"""The three encoders of the motion trainer (DeX-Portrait, arXiv 2512.15524, section on motion): appearance, pose, expression."""

from __future__ import annotations

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from loki_core.dex.blocks import ConvNeXtBlock, ResidualBlock, ResidualStages, norm_groups
from loki_core.dex.configs import QUARTER, ExpressionConfig, PoseConfig, VolumeConfig
from loki_core.dex.similarity import DEGREES_OF_FREEDOM, pose_matrix

__all__ = ["AppearanceEncoder", "ExpressionEncoder", "PoseEncoder"]

_LARGEST_TURN = 0.1
"""Spread of an untrained pose encoder's answers: it begins near the identity."""


class AppearanceEncoder(nn.Module):
    """A picture becomes a feature volume: 2D stages, channels folded into depth, 3D blocks.

    Where the volume is finer than the last stage, that is unfolded to its size, beside what the stage of that size has.
    """

    def __init__(self, config: VolumeConfig, unshuffle: int) -> None:
        super().__init__()
        widths, flat = config.widths, config.channels * config.depth
        self.depth, self.level = config.depth, config.level
        self.finer = 2 ** (len(widths) - 1 - config.level)
        self.stages = ResidualStages(widths, unshuffle)
        self.fold = nn.Conv2d(widths[-1], flat * self.finer**2, 1)
        self.beside = nn.Conv2d(widths[config.level], flat, 1) if self.finer > 1 else None
        self.blocks = nn.Sequential(
            *(ResidualBlock(config.channels, config.channels, dimensions=3) for _ in range(config.blocks))
        )

    def forward(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C D h w"]:
        seen = self.stages.each(pictures)
        flat = F.pixel_shuffle(self.fold(seen[-1]), self.finer)
        if self.beside is not None:
            flat = flat + self.beside(seen[self.level])
        return self.blocks(flat.unflatten(1, (-1, self.depth)))


class PoseEncoder(nn.Module):
    """Says where the head is, with six numbers. Its pictures have eyes and mouth masked.

    Its last features are read place by place: their mean, as classifiers take it, would forget where the head is.
    """

    def __init__(self, config: PoseConfig, size: int) -> None:
        """`size`: side of the pictures, pixels."""
        super().__init__()
        widths = config.widths
        self.stages = ResidualStages(widths, QUARTER) if config.depths is None else _ConvNeXt(widths, config.depths)
        self.last = nn.GroupNorm(1, widths[-1])
        read = widths[-1] * (size // (QUARTER * 2 ** (len(widths) - 1))) ** 2
        self.out = nn.Linear(read, DEGREES_OF_FREEDOM)
        nn.init.normal_(self.out.weight, std=_LARGEST_TURN / read**0.5)
        nn.init.zeros_(self.out.bias)

    def forward(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 4"]:
        return pose_matrix(self.out(self.last(self.stages(pictures)).flatten(1)).float())


class _ConvNeXt(nn.Module):
    """Stages of ConvNeXt (Liu et al. 2022): the first at a quarter of the size."""

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], QUARTER, stride=QUARTER)
        self.smaller = nn.ModuleList(nn.Conv2d(before, after, 2, stride=2) for before, after in pairwise(widths))
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for width in widths[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNeXtBlock(width) for _ in range(depth))) for width, depth in zip(widths, depths, strict=True)
        )

    def forward(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C h w"]:
        hidden = self.stages[0](self.stem(pictures))
        for norm, smaller, stage in zip(self.norms, self.smaller, list(self.stages)[1:], strict=True):
            hidden = stage(smaller(norm(hidden)))
        return hidden


class ExpressionEncoder(nn.Module):
    """An hourglass (Newell et al. 2016) whose heat maps become one latent, as in face alignment networks.

    Its pictures show the face alone: `crop_faces`.
    """

    def __init__(self, config: ExpressionConfig) -> None:
        super().__init__()
        width = config.width
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, stride=2, padding=3), ResidualBlock(width, width), nn.AvgPool2d(2), ResidualBlock(width, width)
        )
        self.hourglass = _Hourglass(width, config.depth)
        self.maps = nn.Conv2d(width, config.maps, 1)
        self.smaller = nn.Conv2d(config.maps, config.maps, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(norm_groups(config.maps), config.maps)
        self.out = nn.Linear(config.maps * (config.size // 8) ** 2, config.latent)

    def forward(self, faces: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B E"]:
        maps = self.maps(self.hourglass(self.stem(faces)))
        return self.out(F.silu(self.norm(self.smaller(maps))).flatten(1))


class _Hourglass(nn.Module):
    """Down `depth` times and up again, with a block beside each size."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.beside, self.down, self.up = (ResidualBlock(width, width) for _ in range(3))
        self.inner = _Hourglass(width, depth - 1) if depth > 1 else ResidualBlock(width, width)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        inner = self.up(self.inner(self.down(F.avg_pool2d(x, 2))))
        return self.beside(x) + F.interpolate(inner, scale_factor=2.0, mode="nearest")
