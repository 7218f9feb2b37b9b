"""Attention over the tokens of a clip, with keys and values of a reference appended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

__all__ = ["CapturingAttention", "ContextAttention", "FrameAttention", "ReferenceBank", "attention_processors"]


@dataclass(frozen=True, eq=False)
class ReferenceBank:
    """What the reference UNet saw: the input of each self-attention (the output of `norm1`), by the layer's name."""

    features: Mapping[str, Float[Tensor, "B N C"]]

    def expect(self, names: set[str]) -> None:
        """Raise ValueError unless the bank holds these layers and no others."""
        if missing := sorted(names - set(self.features)):
            raise ValueError(f"expected features for each attention layer, got none for {missing[0]} ({len(missing)} missing)")
        if extra := sorted(set(self.features) - names):
            raise ValueError(f"expected features only for the layers of this network, got {extra[0]} ({len(extra)} extra)")

    def of(self, rows: Bool[Tensor, "B"]) -> ReferenceBank:
        """What was seen of some of the references."""
        return ReferenceBank({name: value[rows] for name, value in self.features.items()})

    def zeros(self) -> ReferenceBank:
        """The same layers, all features 0."""
        return ReferenceBank({name: torch.zeros_like(value) for name, value in self.features.items()})


class FrameAttention:
    """Attention processor of one layer. Tokens arrive per frame, (B*T, N, C), and leave so.

    `spatial` lets a frame see itself, `full` all frames of its clip. The features that `bank` holds for the layer pass through
    the layer's own `to_k` and `to_v` and are appended to keys and values: to every frame's in `spatial`, once in `full` (Loki,
    arXiv 2605.24176).
    """

    def __init__(self, layer: str, mode: Literal["spatial", "full"]) -> None:
        self.layer, self.mode = layer, mode

    def __call__(
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "BT N C"],
        encoder_hidden_states: None = None,
        attention_mask: None = None,
        bank: ReferenceBank | None = None,
        frames: int = 1,
    ) -> Float[Tensor, "BT N C"]:
        shape = hidden_states.shape
        tokens = hidden_states.unflatten(0, (-1, frames)).flatten(1, 2) if self.mode == "full" else hidden_states
        query, key, value = attn.to_q(tokens), attn.to_k(tokens), attn.to_v(tokens)
        if bank is not None:
            seen = bank.features[self.layer]
            key = torch.cat([key, _for_each(attn.to_k(seen), len(key))], dim=1)
            value = torch.cat([value, _for_each(attn.to_v(seen), len(value))], dim=1)
        heads = (x.unflatten(2, (attn.heads, -1)).transpose(1, 2) for x in (query, key, value))
        mixed = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        out: Tensor = attn.to_out[1](attn.to_out[0](mixed))
        return out.reshape(shape)


class ContextAttention:
    """Attention processor of a layer that looks at a context: diffusers' own, for one frame at a time, whatever clip it is of."""

    def __init__(self) -> None:
        self._plain = AttnProcessor2_0()

    def __call__(
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "BT N C"],
        encoder_hidden_states: Float[Tensor, "BT L K"] | None = None,
        attention_mask: None = None,
        bank: ReferenceBank | None = None,
        frames: int = 1,
    ) -> Float[Tensor, "BT N C"]:
        out: Tensor = self._plain(attn, hidden_states, encoder_hidden_states, attention_mask)
        return out


class CapturingAttention:
    """Attention processor that notes what `inner` is given, under the layer's name in `notes`."""

    def __init__(self, inner: FrameAttention, notes: MutableMapping[str, Tensor]) -> None:
        self.inner, self.notes = inner, notes

    def __call__(
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "B N C"],
        encoder_hidden_states: None = None,
        attention_mask: None = None,
    ) -> Float[Tensor, "B N C"]:
        self.notes[self.inner.layer] = hidden_states
        return self.inner(attn, hidden_states)


@contextmanager
def attention_processors(unet: Any, processors: Mapping[str, Any]) -> Iterator[None]:
    """Use `processors` (by name, those not named stay) inside the block; the originals come back even if it raises."""
    original = dict(unet.attn_processors)
    unet.set_attn_processor({**original, **processors})
    try:
        yield
    finally:
        unet.set_attn_processor(original)


def _for_each(features: Float[Tensor, "B N C"], rows: int) -> Float[Tensor, "R N C"]:
    """Each sample's features, once for each of its rows."""
    return features.repeat_interleave(rows // len(features), dim=0)
