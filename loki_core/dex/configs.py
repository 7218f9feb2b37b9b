"""What fixes the networks of DeX-Portrait (arXiv 2512.15524): sizes and widths, as frozen values with two presets.

The paper says: 512 pixels, a 512-d expression latent, 6 degrees of freedom, 24-frame clips. All other sizes are ours; see
docs/decisions/0014-dex.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import sqrt
from typing import Any, Literal

from loki_core.diffusion.configs import PRESETS as LOKI_PRESETS
from loki_core.diffusion.configs import ScheduleConfig, UNetConfig, config_of
from loki_core.errors import InputError

__all__ = [
    "DEX_PRESETS",
    "QUARTER",
    "DexConfig",
    "DexPart",
    "ExpressionConfig",
    "LiftConfig",
    "MotionConfig",
    "PoseConfig",
    "VolumeConfig",
    "dex_preset",
    "dex_without",
    "motion_without",
]

DexPart = Literal["rays", "warping", "augmentation"]
"""What a network can be trained without, to see what it is worth."""


QUARTER = 4
"""Pixels of a picture to one of the pose encoder's first stage, along a side."""
_FACE = 61
"""Coefficients of the embedded head's face: 52 of expression, nine of jaw and eyes."""


@dataclass(frozen=True)
class VolumeConfig:
    """The appearance encoder and the volume that it makes."""

    widths: tuple[int, ...]
    """Of the 2D stages; each after the first halves the size."""
    level: int
    """The stage whose size the volume has, counted from 0: what the last one says is unfolded to it."""
    channels: int
    """Of the volume."""
    depth: int
    """Layers of the volume, along z."""
    blocks: int
    """Residual blocks in 3D."""


@dataclass(frozen=True)
class PoseConfig:
    """The pose encoder: a ConvNeXt, or residual blocks, which learn sooner from small pictures."""

    widths: tuple[int, ...]
    """Of its stages; the first is at a quarter of the size, each further one halves it."""
    depths: tuple[int, ...] | None
    """Blocks of each stage of the ConvNeXt; None: residual blocks, one between two stages."""


@dataclass(frozen=True)
class ExpressionConfig:
    """The expression encoder, an hourglass."""

    size: int
    """Side of the faces that it reads, pixels."""
    width: int
    depth: int
    """Times that the hourglass halves its size."""
    maps: int
    """Channels of its heat maps."""
    latent: int
    numbers: int
    """Coefficients of a face that training knows, and that one layer reads from the latent."""


@dataclass(frozen=True)
class MotionConfig:
    """The motion trainer: three encoders and the decoder that they are learned with."""

    name: str
    image_size: int
    volume: VolumeConfig
    pose: PoseConfig
    expression: ExpressionConfig
    decoder: tuple[int, ...]
    """Widths of its blocks. The last ones double the size, as many as the volume's level says."""
    unshuffle: int = 1
    """Side of the pixel blocks that are folded into channels where a picture is read into the volume, and where one is drawn."""
    augmented: bool = True
    """Pose is read from pictures whose eyes and mouth are masked, expression is learned from another view of the instant.
    Without it both are read from the picture as it is."""

    def __post_init__(self) -> None:
        if not 0 <= self.volume.level < min(len(self.volume.widths), len(self.decoder)):
            raise ValueError(f"expected a volume at one of the stages, with a block for each way up, got {self}")
        if self.pose.depths is not None and len(self.pose.widths) != len(self.pose.depths):
            raise ValueError(f"expected a depth for each width, got {self.pose}")
        smallest = (QUARTER * 2 ** (len(self.pose.widths) - 1), self.unshuffle * 2 ** (len(self.volume.widths) - 1))
        if any(self.image_size % side for side in smallest) or self.expression.size % 2 ** (self.expression.depth + 3):
            raise ValueError(f"expected sizes that all stages divide, got {self.image_size} and {self.expression}")

    def fits(self, other: MotionConfig) -> bool:
        """Whether weights of one are weights of the other: they may differ in name and augmentation alone."""
        return replace(other, name=self.name, augmented=self.augmented) == self

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MotionConfig:
        """The inverse of `to_dict`. Raises `InputError` that names what is unknown, missing or of another kind."""
        return config_of(cls, values, "config")


@dataclass(frozen=True)
class LiftConfig:
    """The volume that the reference's features become, to be warped."""

    channels: int
    depth: int
    """Layers, along z."""


@dataclass(frozen=True)
class DexConfig:
    """The animator with its motion encoders: all that a checkpoint must agree on to be read."""

    name: str
    motion: MotionConfig
    latent_scale: int
    """Pixels of the picture to a latent pixel, along a side."""
    frames: int
    """Of one window."""
    unet: UNetConfig
    lift: LiftConfig
    tokens: int
    """That the expression latent is cut into for cross-attention."""
    context: int
    """Channels of a token."""
    schedule: ScheduleConfig
    rays: bool = True
    """The network is told of poses by ray maps. Without them their channels are 0."""
    warping: bool = True
    """The reference's features are moved to the driver's pose. Without it they stay where they are."""

    def __post_init__(self) -> None:
        if self.motion.expression.latent % self.tokens:
            raise ValueError(f"expected tokens that divide the latent's {self.motion.expression.latent}, got {self.tokens}")
        if self.latent_scale % self.motion.unshuffle:
            raise ValueError(
                f"expected latents no finer than drawn features, got {self.latent_scale} and {self.motion.unshuffle}"
            )
        if self.motion.image_size % (self.latent_scale * 2 ** (len(self.unet.widths) - 1)):
            raise ValueError(f"expected an image size that all levels divide, got {self.motion.image_size}")

    @property
    def image_size(self) -> int:
        """Side of the square picture, pixels."""
        return self.motion.image_size

    @property
    def latent_size(self) -> int:
        """Side of the latents."""
        return self.image_size // self.latent_scale

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Of one frame."""
        return self.unet.channels, self.latent_size, self.latent_size

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DexConfig:
        """The inverse of `to_dict`. Raises `InputError` that names what is unknown, missing or of another kind."""
        return config_of(cls, values, "config")


_PAPER = DexConfig(
    name="dex-paper",
    motion=MotionConfig(
        name="dex-motion-paper",
        image_size=512,
        volume=VolumeConfig(widths=(64, 128, 256, 512), level=3, channels=32, depth=16, blocks=6),
        pose=PoseConfig(widths=(96, 192, 384, 768), depths=(3, 3, 9, 3)),
        expression=ExpressionConfig(size=256, width=256, depth=4, maps=68, latent=512, numbers=_FACE),
        decoder=(512, 256, 128, 64),
    ),
    latent_scale=8,
    frames=24,
    unet=UNetConfig(
        channels=4, widths=(320, 640, 1280, 1280), attention=("spatial", "full", "full", "none"), layers=2, head_dim=64
    ),
    lift=LiftConfig(channels=32, depth=16),
    tokens=32,
    context=768,
    schedule=ScheduleConfig(prediction="epsilon", snr_ratio=sqrt(1 / 23), max_beta=0.99),
)

_MINI = DexConfig(
    name="dex-mini",
    motion=MotionConfig(
        name="dex-motion-mini",
        image_size=64,
        volume=VolumeConfig(widths=(64, 96), level=0, channels=8, depth=8, blocks=2),
        pose=PoseConfig(widths=(32, 64, 96, 128), depths=None),
        expression=ExpressionConfig(size=64, width=32, depth=2, maps=16, latent=64, numbers=_FACE),
        decoder=(64, 64, 64),
        unshuffle=2,
    ),
    latent_scale=2,
    frames=16,
    unet=LOKI_PRESETS["mini"].unet,
    lift=LiftConfig(channels=16, depth=8),
    tokens=8,
    context=64,
    schedule=LOKI_PRESETS["mini"].schedule,
)

DEX_PRESETS: Mapping[str, DexConfig] = {"paper": _PAPER, "mini": _MINI}
"""`paper` is of the paper's size; `mini` is as large as Loki's `mini` and trains on a CPU."""


def dex_preset(name: str) -> DexConfig:
    """The preset of that name."""
    if name not in DEX_PRESETS:
        raise InputError(f"expected one of {', '.join(DEX_PRESETS)}, got '{name}'; choose one of them")
    return DEX_PRESETS[name]


def motion_without(config: MotionConfig) -> MotionConfig:
    """The motion trainer without the augmentations that keep pose and expression apart; otherwise the same."""
    return replace(config, name=f"{config.name}-without-augmentation", augmented=False)


def dex_without(config: DexConfig, part: DexPart) -> DexConfig:
    """The animator without one part; otherwise the same."""
    named = replace(config, name=f"{config.name}-without-{part}")
    if part == "augmentation":
        return replace(named, motion=motion_without(config.motion))
    return replace(named, rays=False) if part == "rays" else replace(named, warping=False)
