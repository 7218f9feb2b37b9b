"""LIA-X's forward pass written out plainly from its description: one kernel a sample, filters and QR at every call.

The oracle for loki_core/lia_x, and the baseline that its speed is measured against.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["decode", "encode"]

State = Mapping[str, Tensor]
ENCODER = (
    ("block2.0", 256),
    ("block3.0", 128),
    ("block4.0", 64),
    ("block5.0", 32),
    ("block6.0", 16),
    ("block7.0", 8),
    ("block_512", 4),
)
LEVELS = (("_512", 8), ("2", 16), ("3", 32), ("4", 64), ("5", 128), ("6", 256), ("7", 512))


def upfirdn(x: Tensor, kernel: Tensor, *, up: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
    """Insert zeros, pad, filter."""
    batch, channels, height, width = x.shape
    spread = x.new_zeros(batch, channels, height * up, width * up)
    spread[:, :, ::up, ::up] = x
    padded = F.pad(spread, (*pad, *pad))
    return F.conv2d(padded, kernel.flip(0, 1).expand(channels, 1, 4, 4), groups=channels)


def conv(x: Tensor, weight: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    return F.conv2d(x, weight / math.sqrt(weight[0].numel()), stride=stride, padding=padding)


def activate(x: Tensor, bias: Tensor) -> Tensor:
    return F.leaky_relu(x + bias.view(1, -1, 1, 1), 0.2) * math.sqrt(2)


def linear(x: Tensor, state: State, name: str) -> Tensor:
    weight = state[f"{name}.weight"]
    return F.linear(x, weight / math.sqrt(weight.shape[1]), state[f"{name}.bias"])


def modulated(x: Tensor, style: Tensor, state: State, name: str, *, up: bool = False, demodulate: bool = True) -> Tensor:
    """A grouped convolution with a kernel of its own for every sample."""
    weight = state[f"{name}.weight"]
    batch, (_, out_channels, in_channels, size, _) = len(x), weight.shape
    scale = linear(style, state, f"{name}.modulation").view(batch, 1, in_channels, 1, 1)
    kernels = weight / math.sqrt(in_channels * size**2) * scale
    if demodulate:
        kernels = kernels * torch.rsqrt(kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    grouped = x.reshape(1, batch * in_channels, *x.shape[2:])
    if up:
        kernels = kernels.transpose(1, 2).reshape(batch * in_channels, out_channels, size, size)
        out = F.conv_transpose2d(grouped, kernels, stride=2, groups=batch)
    else:
        out = F.conv2d(grouped, kernels.reshape(batch * out_channels, in_channels, size, size), padding=size // 2, groups=batch)
    out = out.view(batch, out_channels, *out.shape[2:])
    return upfirdn(out, state[f"{name}.blur.kernel"], pad=(1, 1)) if up else out


def styled(x: Tensor, style: Tensor, state: State, name: str, *, up: bool = False) -> Tensor:
    return activate(modulated(x, style, state, f"{name}.conv", up=up), state[f"{name}.activate.bias"])


def encode(state: State, image: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Latent, coefficients and features (8x8 first) of pictures in [-1, 1]."""
    root = "enc.enc_2r."
    x = activate(conv(image, state[f"{root}block1.0.weight"]), state[f"{root}block1.1.bias"])
    features: list[Tensor] = []
    for block, side in ENCODER:
        name = root + block
        if side >= image.shape[-1]:
            continue
        features.insert(0, x)
        h = activate(conv(x, state[f"{name}.conv1.0.weight"], padding=1), state[f"{name}.conv1.1.bias"])
        h = upfirdn(h, state[f"{name}.conv2.0.kernel"], pad=(2, 2))
        h = activate(conv(h, state[f"{name}.conv2.1.weight"], stride=2), state[f"{name}.conv2.2.bias"])
        skip = conv(upfirdn(x, state[f"{name}.skip.0.kernel"], pad=(1, 1)), state[f"{name}.skip.1.weight"], stride=2)
        x = (h + skip) / math.sqrt(2)
    latent = conv(x, state[f"{root}block8.weight"])[:, :, 0, 0]
    return latent, linear(latent, state, "enc.enc_r2t.0"), features


def decode(state: State, latent: Tensor, alpha: Tensor, features: list[Tensor]) -> Tensor:
    """Pictures for coefficients `alpha`; the dictionary is orthonormalised here, at every call."""
    dictionary, _ = torch.linalg.qr(state["dec.direction.weight"] + 1e-8)
    style = latent + alpha @ dictionary.T
    h = styled(state["dec.input.input"].repeat(len(style), 1, 1, 1), style, state, "dec.conv1")
    g: Tensor | None = None
    raw: Tensor | None = None
    rgb = h.new_zeros(())
    for (level, side), feature in zip(LEVELS, features, strict=False):
        h, warped, raw = _deform(state, level, side, h, style, feature, raw)
        if g is not None:
            name = f"dec.conv{level}_2_up"
            g = upfirdn(g, state[f"{name}.0.kernel"], up=2, pad=(2, 1))
            warped = warped + activate(conv(g, state[f"{name}.1.weight"], padding=1), state[f"{name}.2.bias"])
        g = warped
        for i in range(4):
            name = f"dec.conv{level}_2_rgb.{i}"
            r = activate(conv(g, state[f"{name}.conv1.0.weight"], padding=1), state[f"{name}.conv1.1.bias"])
            g = (activate(conv(r, state[f"{name}.conv2.0.weight"], padding=1), state[f"{name}.conv2.1.bias"]) + g) / math.sqrt(2)
        name = f"dec.rgb{level}"
        picture = activate(conv(g, state[f"{name}.conv.0.weight"]), state[f"{name}.conv.1.bias"]) + state[f"{name}.bias"]
        rgb = picture if level == "_512" else picture + upfirdn(rgb, state[f"{name}.up.kernel"], up=2, pad=(2, 1))
    return rgb


def _deform(
    state: State, level: str, side: int, h: Tensor, style: Tensor, feature: Tensor, raw: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    h = styled(h, style, state, f"dec.conv{level}_1", up=True)
    for i in range(4):
        name = f"dec.conv{level}_2.{i}"
        h = styled(h, style, state, f"{name}.conv1")
        normed = F.group_norm(h, min(32, h.shape[1]), state[f"{name}.norm.weight"], state[f"{name}.norm.bias"])
        h = h + state[f"{name}.gamma"] * styled(normed, style, state, f"{name}.conv2")
    flow = modulated(h, style, state, f"dec.flow{level}.conv", demodulate=False) + state[f"dec.flow{level}.bias"]
    if raw is not None:
        flow = flow + upfirdn(raw, state[f"dec.flow{level}.up.kernel"], up=2, pad=(2, 1))
    line = torch.linspace(-1, 1, side)
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1) + torch.tanh(flow[:, :2]).permute(0, 2, 3, 1)
    mask = torch.sigmoid(flow[:, 2:])
    warped = F.grid_sample(feature.repeat(len(h) // len(feature), 1, 1, 1), grid, align_corners=True) * mask
    return warped + (1 - mask) * h, warped, flow
