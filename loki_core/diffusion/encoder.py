"""The conditioning encoder: a driver map becomes what is added behind the UNet's first convolution (Loki, arXiv 2605.24176)."""

from __future__ import annotations

from itertools import pairwise

from diffusers.models.resnet import ResnetBlock2D
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from loki_core.diffusion.configs import EncoderConfig

__all__ = ["ConditioningEncoder", "VectorEncoder", "encoder_input"]

_MAX_GROUPS = 32
_WIDER = 8
"""Widths of the UNet's first level to a hidden layer of the vector's network."""
_MOVED = 3
"""Channels of deformation, the last of a driver map."""


class ConditioningEncoder(nn.Module):
    """Convolutions that halve the size between stages. The last is zero at the start: an untrained encoder adds nothing."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        widths = config.widths
        self.unshuffle, self.reads = config.unshuffle, config.reads
        self.stem = nn.Conv2d(config.channels * config.unshuffle**2, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(_Block(before, after), nn.Conv2d(after, after, 3, stride=2, padding=1))
            for before, after in pairwise(widths)
        )
        self.last = _Block(widths[-1], widths[-1])
        self.norm = nn.GroupNorm(_groups(widths[-1]), widths[-1])
        self.out = nn.Conv2d(widths[-1], widths[-1], 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, maps: Float[Tensor, "B M H W"]) -> Float[Tensor, "B D h w"]:
        hidden = self.stem(F.pixel_unshuffle(self._read(maps), self.unshuffle))
        for stage in self.stages:
            hidden = stage(hidden)
        return self.out(F.silu(self.norm(self.last(hidden))))

    def _read(self, maps: Float[Tensor, "B M H W"]) -> Float[Tensor, "B M H W"]:
        """The maps with 0 in what is not read."""
        if self.reads == "encoding":
            return F.pad(maps[:, :-_MOVED], (0, 0, 0, 0, 0, _MOVED))
        if self.reads == "deformation":
            return F.pad(maps[:, -_MOVED:], (0, 0, 0, 0, maps.shape[1] - _MOVED, 0))
        return maps


class VectorEncoder(nn.Module):
    """Numbers instead of a map: a small network whose result is the same at every pixel, as in Loki's ablation. Zero at first."""

    def __init__(self, config: EncoderConfig, size: int) -> None:
        """`size`: side of the latents."""
        super().__init__()
        width, self.size = config.widths[-1], size
        hidden = _WIDER * width
        self.body = nn.Sequential(nn.Linear(config.channels, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.out = nn.Linear(hidden, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, vectors: Float[Tensor, "B K 1 1"]) -> Float[Tensor, "B D h w"]:
        added = self.out(self.body(vectors.flatten(1)))
        return added[..., None, None].expand(-1, -1, self.size, self.size)


def encoder_input(
    config: EncoderConfig, maps: Float[Tensor, "B T M H W"], vectors: Float[Tensor, "B T K"]
) -> Float[Tensor, "B T N h w"]:
    """What a network of that kind is given of the poses: the maps, or the numbers as maps of one pixel."""
    return vectors[..., None, None] if config.reads == "vector" else maps.float()


class _Block(nn.Module):
    """diffusers' residual block without a timestep."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.block = ResnetBlock2D(
            in_channels=before,
            out_channels=after,
            temb_channels=None,  # type: ignore[arg-type]  # its own code allows it
            groups=_groups(before),
            groups_out=_groups(after),
        )

    def forward(self, hidden: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        return self.block(hidden, None)


def _groups(width: int) -> int:
    return min(_MAX_GROUPS, width // 2)
