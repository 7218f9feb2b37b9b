"""How fast LIA-X's encoder and decoder are, beside the plain formulation on the same machine in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch

from benchmarks import lia_x_plain as plain
from benchmarks.measure import Measurement, median_ms
from loki_core.lia_x.generator import Generator, LiaXConfig
from loki_core.lia_x.layers import freeze, laid_for_decoder

__all__ = ["run"]

_TURNS = 3
"""After one to warm up."""


def run() -> list[Measurement]:
    """One frame of 512x512 at scale 1 (the public checkpoint is 2), float32; random weights, which do not change the speed."""
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(0)
        generator = Generator(LiaXConfig(scale=1.0))
        state = dict(generator.state_dict())
        freeze(generator)
        generator.dec.direction.keep()
        image = torch.rand(1, 3, 512, 512) * 2 - 1
        source = generator.enc(image)
        features = [laid_for_decoder(feature) for feature in source.features]  # as `LiaX.encode` keeps them
        encoder = _compared("encoder", lambda: generator.enc(image), lambda: plain.encode(state, image))
        decoder = _compared(
            "decoder",
            lambda: generator.dec(generator.navigate(source, source.alpha), tuple(features)),
            lambda: plain.decode(state, source.latent, source.alpha, features),
        )
    return encoder + decoder


def _compared(part: str, ours: Callable[[], object], theirs: Callable[[], object]) -> list[Measurement]:
    """Medians of turns taken one after the other, so that other work on the machine meets both; and of the turns' ratios."""
    turns = [(median_ms(ours, repeats=1, warm_up=0), median_ms(theirs, repeats=1, warm_up=0)) for _ in range(_TURNS + 1)][1:]
    fast, slow = (statistics.median(times) for times in zip(*turns, strict=True))
    return [
        Measurement(f"lia-x {part}, plain formulation", slow, "ms"),
        Measurement(f"lia-x {part}", fast, "ms"),
        Measurement(f"lia-x {part}, how often faster", statistics.median(b / a for a, b in turns), "times", ">= 2"),
    ]
