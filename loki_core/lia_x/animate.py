"""Reconstruct, edit and animate with LIA-X: the portrait is encoded once, driver frames stream through in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.lia_x.generator import Generator, Source
from loki_core.lia_x.layers import freeze, laid_for_decoder

__all__ = ["LiaX", "stretch_contrast"]

Image = UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True, eq=False)
class LiaX:
    """The animator, ready for inference on one device.

    The encoder stays in float32, since coefficients are small differences; the decoder may run in half precision
    (third parties measured a mean error of 7e-4 there).
    """

    generator: Generator
    decoder_dtype: torch.dtype = torch.float32
    chunk: int = 8
    """Driver frames decoded at once."""

    def __post_init__(self) -> None:
        freeze(self.generator)
        self.generator.dec.direction.keep()
        self.generator.dec.to(self.decoder_dtype)

    def encode(self, image: Image) -> Source:
        """Latent, coefficients and features of one picture, which is resized to the network's square."""
        with torch.inference_mode():
            source = self.generator.enc(self._to_network([image]))
        features = tuple(laid_for_decoder(feature.to(self.decoder_dtype)) for feature in source.features)
        return Source(source.latent, source.alpha, features)

    def edit(self, source: Source, edits: Mapping[int, float]) -> Image:
        """The portrait with values added to its own coefficients. Without edits: the reconstruction."""
        return self.decode(source, source.alpha + self._edit_vector(edits))[0]

    def animate(
        self, source: Source, driver: Iterable[Image], edits: Mapping[int, float], *, relative: bool = True
    ) -> Iterator[Image]:
        """Carry the driver's motion over to the portrait, frame by frame.

        Relative, as released: the driver's departure from its first frame is added to the edited portrait's coefficients.
        Absolute: the driver's own coefficients, with the edits added.
        """
        frames = iter(driver)
        first = next(frames, None)
        if first is None:
            return
        edited = source.alpha + self._edit_vector(edits)
        start = self.alpha([first])
        offset = edited - start if relative else self._edit_vector(edits)
        frames = chain([first], frames)
        while chunk := list(islice(frames, self.chunk)):
            yield from self.decode(source, self.alpha(chunk) + offset)

    def alpha(self, images: list[Image]) -> Float[Tensor, "B M"]:
        """Motion coefficients of pictures."""
        with torch.inference_mode():
            return self.generator.enc(self._to_network(images)).alpha

    def align(self, source: Source, first: Image) -> dict[int, float]:
        """The edit that brings the portrait to the coefficients of the driver's first frame: relative motion is then absolute."""
        difference = (self.alpha([first]) - source.alpha)[0]
        return {index: float(value) for index, value in enumerate(difference)}

    def decode(self, source: Source, alpha: Float[Tensor, "B M"]) -> list[Image]:
        """The portrait with these motion coefficients: pictures of the network's square, in their honest range."""
        with torch.inference_mode():
            style = self.generator.navigate(source, alpha).to(self.decoder_dtype)
            rgb = self.generator.dec(style, source.features).float()
        pixels = ((rgb.clamp(-1, 1) + 1) * 127.5).round().byte()
        return list(pixels.permute(0, 2, 3, 1).cpu().numpy())

    def _edit_vector(self, edits: Mapping[int, float]) -> Float[Tensor, "1 M"]:
        count = self.generator.config.motion_dim
        if wrong := [index for index in edits if not 0 <= index < count]:
            raise ValueError(f"expected directions from 0 to {count - 1}, got {wrong[0]}")
        vector = torch.zeros(1, count)
        for index, value in edits.items():
            vector[0, index] = value
        return vector.to(self._device)

    @property
    def _device(self) -> torch.device:
        return next(self.generator.enc.parameters()).device

    def _to_network(self, images: list[Image]) -> Float[Tensor, "B 3 S S"]:
        side = self.generator.config.size
        batch = torch.from_numpy(np.stack(images)).to(self._device).permute(0, 3, 1, 2).float() / 127.5 - 1
        return F.interpolate(batch, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


def stretch_contrast(images: UInt8[np.ndarray, "T H W 3"]) -> UInt8[np.ndarray, "T H W 3"]:
    """The release's output quirk, for those who compare: stretches the whole clip so that its extremes become 0 and 255."""
    low, high = int(images.min()), int(images.max())
    return np.round((images.astype(np.float32) - low) * (255 / max(high - low, 1))).astype(np.uint8)
