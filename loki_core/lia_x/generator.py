"""LIA-X's network (as released in wyhsirius/LIA-X, networks/): encoder, motion dictionary, flow levels and render levels."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from loki_core.lia_x.layers import (
    DownBlock,
    EqualConv2d,
    EqualLinear,
    FlowResBlock,
    FusedLeakyReLU,
    ResBlock,
    StyledConv,
    ToFlow,
    ToRgb,
    Upsample,
    by_strips,
    channels_together,
    conv_layer,
    laid_like,
    spare_for,
    strips,
)

__all__ = ["Decoder", "Encoder", "Generator", "LiaXConfig", "Source"]

_BLOCK_NAMES = {256: "block2", 128: "block3", 64: "block4", 32: "block5", 16: "block6", 8: "block7", 4: "block_512"}
"""Released name of the encoder block that ends at each size."""
_LEVEL_NAMES = {8: "_512", 16: "2", 32: "3", 64: "4", 128: "5", 256: "6", 512: "7"}
"""Released suffix of the decoder level at each size: the 8x8 one was added for the 512 model and named after it."""


@dataclass(frozen=True)
class LiaXConfig:
    """`scale` multiplies all widths. The public checkpoint is 2.0 at 512 with 40 directions: 910.57 M parameters."""

    scale: float = 2.0
    motion_dim: int = 40
    size: int = 512
    """Side of the square picture, a power of two from 16 to 512. Smaller ones leave out the finest blocks and levels."""

    @property
    def latent(self) -> int:
        return round(512 * self.scale)

    def width(self, size: int) -> int:
        """Channels of the feature map of this side."""
        return round({512: 64, 256: 128, 128: 256}.get(size, 512) * self.scale)

    def sizes(self) -> list[int]:
        """Sides of the decoder's levels, coarsest first."""
        return [side for side in _LEVEL_NAMES if side <= self.size]


@dataclass(frozen=True, eq=False)
class Source:
    """What is computed once from the portrait."""

    latent: Float[Tensor, "B Z"]
    """Appearance: the picture's place relative to the learned reference."""
    alpha: Float[Tensor, "B M"]
    """Its own motion coefficients."""
    features: tuple[Tensor, ...]
    """Feature maps, 8x8 first."""


class AppearanceEncoder(nn.Module):
    """Picture to latent and feature pyramid."""

    def __init__(self, config: LiaXConfig) -> None:
        super().__init__()
        self._names = []
        self.block1 = conv_layer(3, config.width(config.size), 1)
        for side, name in _BLOCK_NAMES.items():
            if side < config.size:
                block: nn.Module = DownBlock(config.width(2 * side), config.width(side))
                self.add_module(name, block if name == "block_512" else nn.Sequential(block))
                self._names.append(name)
        self.block8 = EqualConv2d(config.width(4), config.latent, 4)

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B Z"], tuple[Tensor, ...]]:
        features = [self.block1(image)]
        for name in self._names:
            features.append(self.get_submodule(name)(features[-1]))
        latent = self.block8(features.pop())
        return latent.flatten(1), tuple(reversed(features))


class Encoder(nn.Module):
    """Picture to appearance latent, feature pyramid and motion coefficients."""

    def __init__(self, config: LiaXConfig) -> None:
        super().__init__()
        self._size = config.size
        self.enc_2r = AppearanceEncoder(config)
        self.enc_r2t = nn.Sequential(EqualLinear(config.latent, config.motion_dim))

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> Source:
        """`image` in [-1, 1]. Raises `ValueError` unless it is size x size."""
        if tuple(image.shape[-2:]) != (self._size, self._size):
            raise ValueError(
                f"expected pictures of {self._size}x{self._size}, got {image.shape[-1]}x{image.shape[-2]}; resize them first"
            )
        latent, features = self.enc_2r(channels_together(image))
        return Source(latent, self.enc_r2t(latent), features)


class Direction(nn.Module):
    """The motion dictionary: orthonormal columns by QR of the learned matrix."""

    def __init__(self, config: LiaXConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(config.latent, config.motion_dim))
        self._dictionary: Tensor | None = None  # no buffer: .half() must not round it

    def dictionary(self) -> Float[Tensor, "Z M"]:
        """Q of weight + 1e-8, always in float32: there is no half-precision QR.

        The signs of its columns are LAPACK's, and training settled on them: so it is computed on the CPU, whatever the device.
        """
        if self._dictionary is None:
            return torch.linalg.qr((self.weight + 1e-8).float().cpu())[0].to(self.weight.device)
        return self._dictionary.to(self.weight.device)

    def keep(self) -> None:
        """Compute the dictionary once; for inference only."""
        self._dictionary = self.dictionary().detach()

    def forward(self, alpha: Float[Tensor, "B M"]) -> Float[Tensor, "B Z"]:
        return (alpha.float() @ self.dictionary().T).to(alpha.dtype)


class ConstantInput(nn.Module):
    """The learned 4x4 map that decoding starts from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))


class Level(nn.Module):
    """One size of the decoder. Built for its parts only: the decoder registers them under their released names."""

    def __init__(self, in_channels: int, channels: int, style: int, *, first: bool) -> None:
        super().__init__()
        self.grow = StyledConv(in_channels, channels, 3, style, up=True)
        self.flow_blocks = nn.ModuleList(FlowResBlock(channels, style) for _ in range(4))
        self.flow = ToFlow(channels, style)
        self.render_up = (
            None
            if first
            else nn.Sequential(Upsample(), EqualConv2d(in_channels, channels, 3, padding=1), FusedLeakyReLU(channels))
        )
        self.render_blocks = nn.Sequential(*(ResBlock(channels) for _ in range(4)))
        self.rgb = ToRgb(channels)

    def named_parts(self, name: str) -> dict[str, nn.Module]:
        """The parts under the names that the release gives them."""
        parts = {f"conv{name}_1": self.grow, f"conv{name}_2": self.flow_blocks, f"flow{name}": self.flow}
        if self.render_up is not None:
            parts[f"conv{name}_2_up"] = self.render_up
        return parts | {f"conv{name}_2_rgb": self.render_blocks, f"rgb{name}": self.rgb}

    def deform(
        self, h: Tensor, style: Float[Tensor, "B Z"], feature: Float[Tensor, "#B C H W"], raw: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The flow path: new hidden state, warped feature, raw flow. The mask mixes warped feature and state.

        `feature` is one for all styles or one for each; the level's maps lie in memory as it does.
        """
        h = laid_like(feature, self.grow(h, style))
        spare = spare_for(h)
        for block in self.flow_blocks:
            h = block(h, style, spare)
        raw = self.flow(h, style, raw)
        h, warped = _warp(feature, raw, h)
        return h, warped, raw

    def render(self, warped: Tensor, g: Tensor | None, rgb: Tensor | None) -> tuple[Tensor, Tensor]:
        """The render path, which sees the style only through the warp: new features and picture so far."""
        if self.render_up is not None and g is not None:
            warped = _add_grown(warped, laid_like(warped, g), self.render_up)
        spare = spare_for(warped)
        for block in self.render_blocks:
            warped = block(warped, spare)
        return warped, self.rgb(warped, rgb)


def _add_grown(warped: Float[Tensor, "B C H W"], g: Float[Tensor, "B C2 H/2 W/2"], grow: nn.Module) -> Float[Tensor, "B C H W"]:
    """Their sum, `g` grown to twice its size. Without gradients it overwrites `warped`."""
    if torch.is_grad_enabled():
        return warped + grow(g)
    if warped.is_contiguous():
        return warped.add_(grow(g))
    for rows, part in by_strips(g, grow, growth=2):
        warped[:, :, rows].add_(part)
    return warped


def _warp(
    feature: Float[Tensor, "#B C H W"], raw: Float[Tensor, "B 3 H W"], h: Float[Tensor, "B C H W"]
) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, "B C H W"]]:
    """The new hidden state and the warped feature under its mask. Without gradients it overwrites `h`, strip by strip."""
    feature, places, mask = feature.float().expand(len(h), -1, -1, -1), _places(raw), torch.sigmoid(raw[:, 2:])
    if torch.is_grad_enabled():
        warped = _sample(feature, places).to(h.dtype) * mask
        return warped + (1 - mask) * h, warped
    warped = torch.empty_like(h)
    for rows in strips(h):
        seen, state, shown = warped[:, :, rows], h[:, :, rows], mask[:, :, rows]
        torch.mul(_sample(feature, places[:, rows]).to(h.dtype), shown, out=seen)
        torch.addcmul(seen, 1 - shown, state, out=state)
    return h, warped


def _places(raw: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B H W 2"]:
    """Where each pixel looks, in [-1, 1] over the feature.

    In float32, whatever the features are: a half of 512 pixels is coarser than a pixel.
    """
    ys = torch.linspace(-1, 1, raw.shape[2], device=raw.device)
    xs = torch.linspace(-1, 1, raw.shape[3], device=raw.device)
    return torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1) + torch.tanh(raw[:, :2]).float().permute(0, 2, 3, 1)


def _sample(feature: Float[Tensor, "B C H W"], places: Float[Tensor, "B H2 W 2"]) -> Float[Tensor, "B C H2 W"]:
    """Bilinear, zeros outside, corners aligned (LIA, the predecessor, does not align them)."""
    return F.grid_sample(feature, places, mode="bilinear", padding_mode="zeros", align_corners=True)


class Decoder(nn.Module):
    """Style and source features to the picture."""

    def __init__(self, config: LiaXConfig) -> None:
        super().__init__()
        self.direction = Direction(config)
        self.input = ConstantInput(config.width(4))
        self.conv1 = StyledConv(config.width(4), config.width(4), 3, config.latent)
        self._levels: list[Level] = []
        for side in config.sizes():
            level = Level(config.width(side // 2), config.width(side), config.latent, first=side == 8)
            for name, part in level.named_parts(_LEVEL_NAMES[side]).items():
                self.add_module(name, part)
            self._levels.append(level)  # a plain list: its parts are registered above

    def forward(self, style: Float[Tensor, "B Z"], features: tuple[Tensor, ...]) -> Float[Tensor, "B 3 H W"]:
        """The picture, nominally in [-1, 1] but not clamped. Features of batch 1 serve all styles."""
        deformed = self._deform(style, features)
        if style.device.type == "cpu" and not torch.is_grad_enabled() and torch.get_num_threads() > 1:
            deformed = _ahead(deformed)
        g = rgb = None
        for level, warped in zip(self._levels, deformed, strict=True):
            g, rgb = level.render(warped, g, rgb)
        assert rgb is not None
        return rgb

    def _deform(self, style: Float[Tensor, "B Z"], features: tuple[Tensor, ...]) -> Iterator[Tensor]:
        """The flow path: each level's warped feature, coarsest first. It never looks at the render path."""
        h = laid_like(features[0], self.conv1(self.input.input.expand(len(style), -1, -1, -1), style))
        raw = None
        for level, feature in zip(self._levels, features, strict=True):
            h, warped, raw = level.deform(h, style, feature, raw)
            yield warped


def _ahead(items: Iterator[Tensor]) -> Iterator[Tensor]:
    """The same, computed in a thread one item ahead of their use: torch works without Python's lock.

    Two paths side by side fill the cores better than each alone, where cores wait for the last one at the end of every layer.
    """
    inference = torch.is_inference_mode_enabled()

    def following() -> Tensor | None:
        with torch.inference_mode(inference), torch.no_grad():  # either is a setting of its thread
            return next(items, None)

    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(following)
        while (item := coming.result()) is not None:
            coming = worker.submit(following)
            yield item


class Generator(nn.Module):
    """The whole network; its state_dict has the released keys (596 at the public configuration)."""

    def __init__(self, config: LiaXConfig) -> None:
        super().__init__()
        self.config = config
        self.enc = Encoder(config)
        self.dec = Decoder(config)

    def navigate(
        self,
        source: Source,
        alpha: Float[Tensor, "B M"] | None,
        start: Float[Tensor, "1 M"] | None = None,
        edited: Float[Tensor, "1 M"] | None = None,
    ) -> Float[Tensor, "B Z"]:
        """Latent navigation: z + D(alpha), or relative to a driver's first frame, z + D(alpha - start + edited)."""
        if alpha is None:
            return source.latent
        if start is not None and edited is not None:
            alpha = alpha - start + edited
        return source.latent + self.dec.direction(alpha)
