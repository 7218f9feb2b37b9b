"""The StyleGAN2 family of layers that LIA-X is made of (Karras et al. 2020), with equalised learning rate.

Parameters and buffers carry the released names, so that the public checkpoint loads as it is. Three things differ from the usual
formulation, and give the same numbers: a modulated convolution scales its input and output instead of building one kernel a
sample, so that a batch shares one kernel; `freeze` folds the run-time weight scales once; and 3x3 kernels may be multiplied in a
transformed space (`_convolve`), or strip by strip where channels lie together (`strips`). tests/lia_x holds the plain formulation
as the oracle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

__all__ = [
    "Blur",
    "DownBlock",
    "EqualConv2d",
    "EqualLinear",
    "FlowResBlock",
    "FusedLeakyReLU",
    "ModulatedConv2d",
    "ResBlock",
    "StyledConv",
    "ToFlow",
    "ToRgb",
    "Upsample",
    "by_strips",
    "channels_together",
    "conv_layer",
    "freeze",
    "laid_for_decoder",
    "laid_like",
    "spare_for",
    "strips",
]


def _fir(gain: float) -> Float[Tensor, "4 4"]:
    """The binomial filter [1, 3, 3, 1] in both directions, summing to `gain`."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return gain * torch.outer(line, line) / line.sum() ** 2


_SMALLEST_FAST = 32
"""Side from which the transformed convolution is the quicker one."""


def _convolve(x: Float[Tensor, "B I H W"], weight: Float[Tensor, "O I K K"], *, stride: int = 1, padding: int) -> Tensor:
    """A convolution. Inference on the CPU in float32 takes NNPACK's, which multiplies 3x3 kernels in a transformed space.

    It is the same sum in another order (relative difference 5e-6 on random numbers) in half the time: torch chooses it by itself
    only where its build lacks oneDNN, so it is called by name. Builds without NNPACK, CUDA, training and pictures whose channels
    lie together (`channels_together`) take the usual one.
    """
    fast = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled() and x.is_contiguous()
    if fast and stride == 1 and weight.shape[-1] == 3 and x.shape[-1] >= _SMALLEST_FAST and torch._nnpack_available():
        return torch._nnpack_spatial_convolution(x, weight.contiguous(), None, padding=padding)
    return F.conv2d(x, weight, stride=stride, padding=padding)


def channels_together(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """The same values with a pixel's channels side by side in memory, for inference on the CPU; else as they are.

    There a convolution of stride 2 takes half the time, a transposed one a quarter, a filter of each channel by itself a third.
    """
    if x.device.type == "cpu" and not torch.is_grad_enabled():
        return x.contiguous(memory_format=torch.channels_last)
    return x


def laid_like(pattern: Tensor, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """The same values, in memory in the order in which `pattern` is."""
    return x.contiguous() if pattern.is_contiguous() else x.contiguous(memory_format=torch.channels_last)


_FEW = 64
"""Up to this many channels a convolution with channels together, strip by strip, takes no longer than NNPACK's."""


def laid_for_decoder(feature: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """The same values in the order in memory that the decoder's level of this size is quickest in; the level follows it."""
    return channels_together(feature) if feature.shape[1] <= _FEW else feature.contiguous()


_STRIP = 32
"""Rows computed at once: 4 MiB at 64 channels of 512 columns, which stay in the cache and whose memory serves the next strip.
Fresh memory for a whole map (64 MiB) takes longer to get than most sums over it."""


def strips(x: Float[Tensor, "B C H W"]) -> Iterator[slice]:
    """The rows of a map, some at a time on the CPU; all at once elsewhere, where every call has its price."""
    height = x.shape[2]
    step = _STRIP if x.device.type == "cpu" else height
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def spare_for(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"] | None:
    """Memory for the maps between a level's convolutions, where they go strip by strip: see `by_strips`."""
    together = x.device.type == "cpu" and not torch.is_grad_enabled() and not x.is_contiguous()
    return torch.empty_like(x) if together else None


Convolution = Callable[[Tensor], Tensor]
"""A 3x3 convolution, with what follows it pixel by pixel, maybe an upsampling before it."""


def by_strips(x: Float[Tensor, "B I H W"], path: Convolution, *, growth: int = 1) -> Iterator[tuple[slice, Tensor]]:
    """Rows of the path's result, and which they are; `growth` is how many there are for each row of `x`, 1 or 2.

    A strip takes a row of each neighbour along, where padding would put zeros. One is enough for an upsampling convolution, too:
    its two filters together reach no further than the two finer rows in it.
    """
    for rows in strips(x):
        first, last = max(rows.start - 1, 0), min(rows.stop + 1, x.shape[2])
        kept = slice((rows.start - first) * growth, (rows.stop - first) * growth)
        yield slice(rows.start * growth, rows.stop * growth), path(x[:, :, first:last])[:, :, kept]


class _Scaled(nn.Module):
    """A weight drawn from N(0, 1) and multiplied by 1/sqrt(fan-in) at run time (equalised learning rate, Karras et al. 2018)."""

    weight: nn.Parameter
    _folded: Tensor | None

    def __init__(self, shape: tuple[int, ...], fan_in: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape))
        self._scale = 1 / math.sqrt(fan_in)
        self.register_buffer("_folded", None, persistent=False)  # a buffer, so that it follows .to()

    def scaled_weight(self) -> Tensor:
        return self.weight * self._scale if self._folded is None else self._folded

    def fold(self) -> None:
        """Compute the scaled weight once. The parameter then no longer counts: for inference only."""
        self._folded = (self.weight * self._scale).detach()


def freeze(module: nn.Module) -> nn.Module:
    """Prepare for inference: no gradients, weight scales folded. Returns the module."""
    module.requires_grad_(False).eval()
    for part in module.modules():
        if isinstance(part, _Scaled):
            part.fold()
    return module


class EqualLinear(_Scaled):
    """y = W x + b, W of shape (out, in)."""

    def __init__(self, in_features: int, out_features: int, *, bias_init: float = 0.0) -> None:
        super().__init__((out_features, in_features), in_features)
        self.bias = nn.Parameter(torch.full((out_features,), bias_init))

    def forward(self, x: Float[Tensor, "B I"]) -> Float[Tensor, "B O"]:
        return F.linear(x, self.scaled_weight(), self.bias)


class EqualConv2d(_Scaled):
    """A convolution without bias: the activation after it has one."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__((out_channels, in_channels, kernel, kernel), in_channels * kernel**2)
        self._stride, self._padding = stride, padding

    def forward(self, x: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O H2 W2"]:
        return _convolve(x, self.scaled_weight(), stride=self._stride, padding=self._padding)


class FusedLeakyReLU(nn.Module):
    """leaky_relu(x + b, 0.2) * sqrt(2): keeps the variance of a unit normal.

    Without gradients it overwrites its input, a convolution's result in all places: fresh memory costs more than the sums.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        if torch.is_grad_enabled():
            return F.leaky_relu(x + self.bias[:, None, None], 0.2) * math.sqrt(2)
        gain = math.sqrt(2)  # before the activation, which is homogeneous: one pass less
        return F.leaky_relu_(torch.add(gain * self.bias[:, None, None], x, alpha=gain, out=x), 0.2)


class Blur(nn.Module):
    """Pads all sides and filters; with stride 2 only the kept pixels are computed."""

    kernel: Tensor

    def __init__(self, padding: int, *, gain: float = 1.0, stride: int = 1) -> None:
        super().__init__()
        self.register_buffer("kernel", _fir(gain))
        self._padding, self._stride = padding, stride

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H2 W2"]:
        kernel = self.kernel.expand(x.shape[1], 1, 4, 4)
        return F.conv2d(x, kernel, stride=self._stride, padding=self._padding, groups=x.shape[1])


class Upsample(nn.Module):
    """Twice the size by zero insertion and filtering (pads 2 and 1 around the zero-filled image)."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", _fir(4.0))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C 2*H 2*W"]:
        kernel = self.kernel.expand(x.shape[1], 1, 4, 4)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


def conv_layer(in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    """Convolution and activation at the same size."""
    return nn.Sequential(EqualConv2d(in_channels, out_channels, kernel, padding=kernel // 2), FusedLeakyReLU(out_channels))


def _mean_power(main: Float[Tensor, "B C H W"], skip: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """(main + skip) / sqrt(2). Without gradients it overwrites `main`."""
    return (main + skip) / math.sqrt(2) if torch.is_grad_enabled() else main.add_(skip).mul_(1 / math.sqrt(2))


class DownBlock(nn.Module):
    """Residual block to half the size; (main + skip) / sqrt(2)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = conv_layer(in_channels, out_channels, 3)
        self.conv2 = nn.Sequential(Blur(2), EqualConv2d(out_channels, out_channels, 3, stride=2), FusedLeakyReLU(out_channels))
        # The released skip filters all pixels and its 1x1 convolution drops three in four: filtering only those kept is the same.
        self.skip = nn.Sequential(Blur(1, stride=2), EqualConv2d(in_channels, out_channels, 1))

    def forward(self, x: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O H/2 W/2"]:
        return _mean_power(self.conv2(self.conv1(x)), self.skip(x))


class ResBlock(nn.Module):
    """Residual block at the same size, without style; (main + x) / sqrt(2).

    With `spare`, memory like its input's, it goes strip by strip and overwrites both.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv_layer(channels, channels, 3)
        self.conv2 = conv_layer(channels, channels, 3)

    def forward(self, x: Float[Tensor, "B C H W"], spare: Float[Tensor, "B C H W"] | None = None) -> Float[Tensor, "B C H W"]:
        if spare is None:
            return _mean_power(self.conv2(self.conv1(x)), x)
        for rows, part in by_strips(x, self.conv1):
            spare[:, :, rows] = part
        for rows, part in by_strips(spare, self.conv2):
            torch.mul(part.add_(x[:, :, rows]), 1 / math.sqrt(2), out=x[:, :, rows])
        return x


class ModulatedConv2d(_Scaled):
    """A convolution whose input channels are scaled by a style; demodulated to unit variance (Karras et al. 2020, eq. 1 and 3).

    W' = s W d with d = 1 / sqrt(sum (s W)² + 1e-8) equals scaling the input by s and the output by d.
    """

    _energy: Tensor | None

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, style: int, *, up: bool = False, demodulate: bool = True
    ) -> None:
        super().__init__((1, out_channels, in_channels, kernel, kernel), in_channels * kernel**2)
        self.modulation = EqualLinear(style, in_channels, bias_init=1.0)
        self._padding, self._demodulate = kernel // 2, demodulate
        self.register_buffer("_energy", None, persistent=False)
        if up:
            self.blur = Blur(1, gain=4.0)
        self._up = up

    def fold(self) -> None:
        super().fold()
        self._energy = self._weight_energy()

    def _weight_energy(self) -> Float[Tensor, "O I"]:
        return self.scaled_weight()[0].square().sum((2, 3))

    def forward(self, x: Float[Tensor, "B I H W"], style: Float[Tensor, "B S"]) -> Float[Tensor, "B O H2 W2"]:
        return self.styled(style)(x)

    def styled(self, style: Float[Tensor, "B S"]) -> Convolution:
        """The convolution that these styles make, one for each picture."""
        scale, weight = self.modulation(style), self.scaled_weight()[0]
        gain = self._gain(scale)
        if len(style) == 1:  # one sample: its kernel is smaller than its picture
            kernel = weight * scale[0, None, :, None, None]
            kernel = kernel if gain is None else kernel * gain[0, :, None, None, None]
            return lambda x: self._filter(x, kernel)
        return lambda x: self._scaled_filter(x, weight, scale, gain)

    def _scaled_filter(
        self,
        x: Float[Tensor, "B I H W"],
        weight: Float[Tensor, "O I K K"],
        scale: Float[Tensor, "B I"],
        gain: Float[Tensor, "B O"] | None,
    ) -> Float[Tensor, "B O H2 W2"]:
        x = self._filter(x * scale[:, :, None, None], weight)
        return x if gain is None else x * gain[:, :, None, None]

    def _gain(self, scale: Float[Tensor, "B I"]) -> Float[Tensor, "B O"] | None:
        """d, None without demodulation."""
        if not self._demodulate:
            return None
        energy = self._weight_energy() if self._energy is None else self._energy
        return torch.rsqrt(F.linear(scale.square(), energy) + 1e-8)

    def _filter(self, x: Float[Tensor, "B I H W"], weight: Float[Tensor, "O I K K"]) -> Float[Tensor, "B O H2 W2"]:
        if self._up:
            return self.blur(F.conv_transpose2d(channels_together(x), weight.transpose(0, 1), stride=2))
        return _convolve(x, weight, padding=self._padding)


class StyledConv(nn.Module):
    """Modulated convolution and activation; no noise (LIA, the predecessor, adds some)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, style: int, *, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(in_channels, out_channels, kernel, style, up=up)
        self.activate = FusedLeakyReLU(out_channels)

    def forward(self, x: Float[Tensor, "B I H W"], style: Float[Tensor, "B S"]) -> Float[Tensor, "B O H2 W2"]:
        return self.styled(style)(x)

    def styled(self, style: Float[Tensor, "B S"]) -> Convolution:
        """Convolution and activation for these styles."""
        conv = self.conv.styled(style)
        return lambda x: self.activate(conv(x))


class FlowResBlock(nn.Module):
    """Styled residual block of the flow path; `gamma` starts near zero, so that a deep path starts shallow (LayerScale).

    With `spare`, memory like its input's, it goes strip by strip and overwrites both.
    """

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.conv1 = StyledConv(channels, channels, 3, style)
        self.norm = nn.GroupNorm(min(32, channels), channels)
        self.conv2 = StyledConv(channels, channels, 3, style)
        self.gamma = nn.Parameter(torch.full((1, channels, 1, 1), 1e-5))

    def forward(
        self, x: Float[Tensor, "B C H W"], style: Float[Tensor, "B S"], spare: Float[Tensor, "B C H W"] | None = None
    ) -> Float[Tensor, "B C H W"]:
        if spare is None:
            x = self.conv1(x, style)
            y = self.conv2(self.norm(x), style)
            return torch.addcmul(x, self.gamma, y, out=None if torch.is_grad_enabled() else x)
        for rows, part in by_strips(x, self.conv1.styled(style)):
            spare[:, :, rows] = part
        for rows, part in by_strips(self.norm(spare), self.conv2.styled(style)):
            torch.addcmul(spare[:, :, rows], self.gamma, part, out=x[:, :, rows])
        return x


class ToFlow(nn.Module):
    """Three raw channels: two of flow, one of mask, added to the coarser level's."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.up = Upsample()
        self.conv = ModulatedConv2d(channels, 3, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(
        self, x: Float[Tensor, "B C H W"], style: Float[Tensor, "B S"], coarse: Float[Tensor, "B 3 H/2 W/2"] | None
    ) -> Float[Tensor, "B 3 H W"]:
        raw = self.conv(x, style) + self.bias
        return raw if coarse is None else raw + self.up(coarse)


class ToRgb(nn.Module):
    """One level's share of the picture, added to the coarser levels'. Activated, as released."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = Upsample()
        self.conv = conv_layer(channels, 3, 1)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Float[Tensor, "B C H W"], coarse: Float[Tensor, "B 3 H/2 W/2"] | None) -> Float[Tensor, "B 3 H W"]:
        rgb = self.conv(x) + self.bias
        return rgb if coarse is None else rgb + self.up(coarse)
