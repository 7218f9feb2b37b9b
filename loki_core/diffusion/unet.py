"""The UNet over frames: diffusers' blocks under the names that Stable Diffusion's weights have."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from diffusers.models.attention import AttentionMixin
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_blocks import (
    CrossAttnDownBlock2D,
    CrossAttnUpBlock2D,
    DownBlock2D,
    UNetMidBlock2DCrossAttn,
    UpBlock2D,
)
from jaxtyping import Float, Int
from torch import Tensor, nn

from loki_core.diffusion.attention import (
    CapturingAttention,
    ContextAttention,
    FrameAttention,
    ReferenceBank,
    attention_processors,
)
from loki_core.diffusion.configs import UNetConfig

__all__ = ["FrameUNet"]

_EPS = 1e-5
"""Of the group normalisations, as in Stable Diffusion."""


class FrameUNet(ModelMixin, AttentionMixin):
    """Denoises frames: convolutions see one frame, attention one or all, as `config.attention` says.

    `joined`: channels that come with the latents, behind them. With `context` (channels of a text embedding, say) it has Stable
    Diffusion's cross-attention and its keys; without, the blocks are the same less the cross-attention. Not `whole`: nothing is
    built behind the last attention, and `forward` returns its block's output.
    """

    _supports_gradient_checkpointing = True

    def __init__(self, config: UNetConfig, *, context: int | None = None, whole: bool = True, joined: int = 0) -> None:
        super().__init__()
        widths, time = config.widths, 4 * config.widths[0]
        self.conv_in = nn.Conv2d(config.channels + joined, widths[0], 3, padding=1)
        self.time_proj = Timesteps(widths[0], flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(widths[0], time)
        self.down_blocks = nn.ModuleList(_down_block(config, level, context) for level in range(len(widths)))
        self.mid_block = UNetMidBlock2DCrossAttn(
            in_channels=widths[-1],
            temb_channels=time,
            resnet_eps=_EPS,
            resnet_groups=config.groups,
            **_attention(config, len(widths) - 1, context),
        )
        finest = 0 if whole else next(i for i, mode in enumerate((*config.attention, "full")) if mode != "none")
        levels = range(len(widths) - 1, finest - 1, -1)
        self.up_blocks = nn.ModuleList(_up_block(config, level, context, add_upsample=level > finest) for level in levels)
        self.conv_norm_out = nn.GroupNorm(config.groups, widths[0], eps=_EPS) if whole else None
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(widths[0], config.channels, 3, padding=1) if whole else None
        processors: dict[str, Any] = {**self.attn_processors, **_processors(config, list(self.attn_processors))}
        self.set_attn_processor(processors)

    @property
    def embedding(self) -> int:
        """Channels of the embedding of the time."""
        return int(self.time_embedding.linear_2.out_features)

    @property
    def layers(self) -> dict[str, FrameAttention]:
        """The processors of the self-attention layers, by the name that diffusers has for each."""
        return {name: p for name, p in self.attn_processors.items() if isinstance(p, FrameAttention)}

    def embed(self, timesteps: Int[Tensor, "BT"], dtype: torch.dtype) -> Float[Tensor, "BT F"]:
        """The embedding of the time."""
        return self.time_embedding(self.time_proj(timesteps).to(dtype))

    def observe(
        self, latents: Float[Tensor, "B C h w"], *, context: Float[Tensor, "B L K"] | None = None
    ) -> tuple[ReferenceBank, Float[Tensor, "B E H W"]]:
        """What each self-attention is given of clean latents, and what comes out."""
        notes: dict[str, Tensor] = {}
        capturing = {name: CapturingAttention(processor, notes) for name, processor in self.layers.items()}
        start = latents.new_zeros(len(latents), dtype=torch.int64)
        with attention_processors(self, capturing):
            out = self(latents, start, context=context)
        return ReferenceBank(notes), out

    def forward(
        self,
        sample: Float[Tensor, "BT C h w"],
        timesteps: Int[Tensor, "BT"],
        *,
        frames: int = 1,
        bank: ReferenceBank | None = None,
        added: Float[Tensor, "BT D h w"] | None = None,
        context: Float[Tensor, "BT L K"] | None = None,
        embedded: Float[Tensor, "BT F"] | None = None,
    ) -> Float[Tensor, "BT E H W"]:
        """Samples of `frames` frames each, one after another; `added` joins the output of the first convolution.

        `embedded` joins the embedding of the time.
        """
        time = self.embed(timesteps, sample.dtype)
        if embedded is not None:
            time = time + embedded
        hidden = self.conv_in(sample)
        if added is not None:
            hidden = hidden + added
        passed = {"frames": frames, "bank": bank} if bank is not None or frames > 1 else None
        seen = {"encoder_hidden_states": context, "cross_attention_kwargs": passed}
        skips = [hidden]
        for block in self.down_blocks:
            hidden, states = block(hidden, time, **(seen if hasattr(block, "attentions") else {}))
            skips += states
        hidden = self.mid_block(hidden, time, **seen)
        for block in self.up_blocks:
            count = len(cast(nn.ModuleList, block.resnets))
            hidden = block(hidden, tuple(skips[-count:]), time, **(seen if hasattr(block, "attentions") else {}))
            del skips[-count:]
        if self.conv_out is None or self.conv_norm_out is None:
            return hidden
        return self.conv_out(self.conv_act(self.conv_norm_out(hidden)))


def _down_block(config: UNetConfig, level: int, context: int | None) -> nn.Module:
    widths, last = config.widths, level == len(config.widths) - 1
    shared: dict[str, Any] = {
        "in_channels": widths[max(level - 1, 0)],
        "out_channels": widths[level],
        "temb_channels": 4 * widths[0],
        "num_layers": config.layers,
        "resnet_eps": _EPS,
        "resnet_groups": config.groups,
        "add_downsample": not last,
    }
    if config.attention[level] == "none":
        return DownBlock2D(**shared)
    return CrossAttnDownBlock2D(**shared, **_attention(config, level, context))


def _up_block(config: UNetConfig, level: int, context: int | None, *, add_upsample: bool) -> nn.Module:
    widths = config.widths
    shared: dict[str, Any] = {
        "in_channels": widths[max(level - 1, 0)],
        "out_channels": widths[level],
        "prev_output_channel": widths[min(level + 1, len(widths) - 1)],
        "temb_channels": 4 * widths[0],
        "num_layers": config.layers + 1,
        "resnet_eps": _EPS,
        "resnet_groups": config.groups,
        "add_upsample": add_upsample,
    }
    if config.attention[level] == "none":
        return UpBlock2D(**shared)
    return CrossAttnUpBlock2D(**shared, **_attention(config, level, context))


def _attention(config: UNetConfig, level: int, context: int | None) -> dict[str, Any]:
    return {
        "num_attention_heads": config.widths[level] // config.head_dim,
        "cross_attention_dim": context,
        "use_linear_projection": True,
    }


def _processors(config: UNetConfig, names: list[str]) -> dict[str, FrameAttention | ContextAttention]:
    """A processor for each self-attention (attn1), and for each cross-attention (attn2), where there is one."""
    own = {name for name in names if name.endswith("attn1.processor")}
    return {name: FrameAttention(name, _mode(config, name)) if name in own else ContextAttention() for name in names}


def _mode(config: UNetConfig, name: str) -> Literal["spatial", "full"]:
    place, index, *_ = name.split(".")
    if place == "mid_block":
        return "full"
    mode = config.attention[int(index)] if place == "down_blocks" else config.attention[::-1][int(index)]
    return "spatial" if mode == "spatial" else "full"
