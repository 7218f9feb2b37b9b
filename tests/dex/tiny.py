"""Configurations that are small enough for tests."""

from __future__ import annotations

from loki_core.dex.configs import (
    DexConfig,
    ExpressionConfig,
    LiftConfig,
    MotionConfig,
    PoseConfig,
    VolumeConfig,
    dex_preset,
)
from loki_core.diffusion.configs import UNetConfig

TINY_MOTION = MotionConfig(
    name="tiny-motion",
    image_size=16,
    volume=VolumeConfig(widths=(8,), level=0, channels=4, depth=4, blocks=1),
    pose=PoseConfig(widths=(8, 8), depths=(1, 1)),
    expression=ExpressionConfig(size=16, width=8, depth=1, maps=4, latent=8, numbers=61),
    decoder=(8,),
    unshuffle=2,
)

TINY = DexConfig(
    name="tiny",
    motion=TINY_MOTION,
    latent_scale=2,
    frames=4,
    unet=UNetConfig(channels=12, widths=(8, 16), attention=("spatial", "full"), layers=1, head_dim=8, groups=4),
    lift=LiftConfig(channels=4, depth=4),
    tokens=2,
    context=8,
    schedule=dex_preset("mini").schedule,
)
