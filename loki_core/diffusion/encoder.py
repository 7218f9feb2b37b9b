"""The conditioning encoder: a driver map becomes what is added behind the UNet's first convolution (Loki, arXiv 2605.24176)."""

from __future__ import annotations

from itertools import pairwise

from diffusers.models.resnet import ResnetBlock2D
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from loki_core.diffusion.configs import EncoderConfig

__all__ = ["ConditioningEncoder"]

_MAX_GROUPS = 32


class ConditioningEncoder(nn.Module):
    """Convolutions that halve the size between stages. The last is zero at the start: an untrained encoder adds nothing."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        widths = config.widths
        self.unshuffle = config.unshuffle
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
        hidden = self.stem(F.pixel_unshuffle(maps, self.unshuffle))
        for stage in self.stages:
            hidden = stage(hidden)
        return self.out(F.silu(self.norm(self.last(hidden))))


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
