"""What fixes a Loki network: sizes, widths, attention and noise schedule, as frozen values with two presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from math import sqrt
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from loki_core.errors import InputError
from loki_core.raster.kernels import CHANNELS

__all__ = [
    "PRESETS",
    "AttentionMode",
    "EncoderConfig",
    "EncoderInput",
    "LokiConfig",
    "ReferenceConfig",
    "ScheduleConfig",
    "UNetConfig",
    "ablated",
    "config_of",
    "preset",
]

AttentionMode = Literal["none", "spatial", "full"]
"""Which tokens of a clip see each other: none, those of one frame, those of all frames."""

EncoderInput = Literal["map", "encoding", "deformation", "vector"]
"""What the network is told of a pose: the driver map, its positional encoding alone, its deformation alone, or plain numbers."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class UNetConfig:
    """The generation UNet; the reference UNet has the same levels."""

    channels: int
    """Of the latents."""
    widths: tuple[int, ...]
    """Channels of each level, finest first; each level halves the size."""
    attention: tuple[AttentionMode, ...]
    """Of each level, finest first. The middle block sees all frames."""
    layers: int
    """Residual blocks of a level on the way down; one more on the way up."""
    head_dim: int
    """Channels of one attention head."""
    groups: int = 32
    """Of each group normalisation."""


@dataclass(frozen=True)
class EncoderConfig:
    """The conditioning encoder: from the driver map to the width of the UNet's first level."""

    widths: tuple[int, ...]
    """Of its stages; each stage after the first halves the size. The last is the UNet's first width."""
    unshuffle: int = 1
    """Side of the pixel blocks that are folded into channels before the first convolution."""
    channels: int = CHANNELS
    """Of the driver map, or numbers of a vector."""
    reads: EncoderInput = "map"
    """Channels that are not read count as zero, so that networks stay of one size."""


@dataclass(frozen=True)
class ReferenceConfig:
    """The reference UNet, whose features carry the identity."""

    frozen: bool
    """Whether training leaves it alone."""
    context: tuple[int, int] | None = None
    """Tokens and channels of the text that its cross-attention reads; None = it has no cross-attention."""
    whole: bool = True
    """False leaves out what lies behind its last attention, whose output nobody reads."""


@dataclass(frozen=True)
class ScheduleConfig:
    """Noise levels, and what the network predicts."""

    prediction: Literal["epsilon", "v_prediction"]
    snr_ratio: float
    """Factor on the signal-to-noise ratio of each level; below 1 is noisier."""
    max_beta: float
    """Largest beta after the rescaling to zero terminal SNR. 1 keeps the last level free of signal, which only v allows."""
    beta_start: float = 0.00085
    beta_end: float = 0.012
    levels: int = 1000
    shared_noise: float = 0.0
    """Share of the noise's variance that all frames have in common, 0 to 1."""


@dataclass(frozen=True)
class LokiConfig:
    """All that a checkpoint must agree on to be read."""

    name: str
    image_size: int
    """Side of the square picture and of the driver map, pixels."""
    latent_scale: int
    """Pixels of the picture to a latent pixel, along a side."""
    frames: int
    """Of one window."""
    unet: UNetConfig
    encoder: EncoderConfig
    reference: ReferenceConfig
    schedule: ScheduleConfig

    def __post_init__(self) -> None:
        u, e = self.unet, self.encoder
        if len(u.widths) != len(u.attention) or any(w % u.groups for w in u.widths) or any(w % u.head_dim for w in u.widths):
            raise ValueError(f"expected an attention mode for each width and widths that groups and heads divide, got {u}")
        if e.unshuffle * 2 ** (len(e.widths) - 1) != self.latent_scale or e.widths[-1] != u.widths[0]:
            raise ValueError(f"expected an encoder that ends at 1/{self.latent_scale} size and width {u.widths[0]}, got {e}")
        if self.image_size % (self.latent_scale * 2 ** (len(u.widths) - 1)):
            raise ValueError(f"expected an image size that all levels divide, got {self.image_size}")
        if self.schedule.prediction == "epsilon" and self.schedule.max_beta == 1:
            raise ValueError("expected max_beta below 1 for epsilon, which says nothing about a picture without signal")

    @property
    def latent_size(self) -> int:
        """Side of the latents."""
        return self.image_size // self.latent_scale

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LokiConfig:
        """The inverse of `to_dict`. Raises `InputError` that names what is unknown, missing or of another kind."""
        return config_of(cls, values, "config")


def config_of(kind: type[_T], values: Mapping[str, Any], path: str) -> _T:
    """A frozen dataclass from plain values, as `asdict` and JSON give them; `path` is how errors call the place.

    Raises `InputError` that names what is unknown, missing or of another kind.
    """
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise InputError(f"{path}: expected only {', '.join(sorted(known))}, got {', '.join(unknown)}; remove it")
    try:
        return kind(**{name: _convert(hints[name], value, f"{path}.{name}") for name, value in values.items()})
    except InputError:
        raise
    except (TypeError, ValueError) as exc:
        raise InputError(f"{path}: {exc}") from exc


def _convert(kind: Any, value: Any, path: str) -> Any:
    """`value` as `kind`, where JSON has lost the difference between a tuple and a list."""
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        return config_of(kind, value, path)
    if isinstance(value, list | tuple):
        return tuple(value)
    if get_origin(kind) is Literal and value not in get_args(kind):
        raise InputError(f"{path}: expected {' or '.join(get_args(kind))}, got {value!r}; correct it")
    if kind in _PLAIN and (isinstance(value, bool) != (kind is bool) or not isinstance(value, _PLAIN[kind])):
        raise InputError(f"{path}: expected {kind.__name__}, got {value!r}; correct it")
    return value


_PLAIN: Mapping[Any, Any] = {int: int, float: (int, float), bool: bool, str: str}
"""Kinds of single values, and what JSON may hold for each."""

_SD21 = LokiConfig(
    name="sd21",
    image_size=512,
    latent_scale=8,
    frames=16,
    unet=UNetConfig(
        channels=4, widths=(320, 640, 1280, 1280), attention=("spatial", "full", "full", "none"), layers=2, head_dim=64
    ),
    encoder=EncoderConfig(widths=(64, 128, 256, 320)),
    reference=ReferenceConfig(frozen=True, context=(77, 1024)),
    schedule=ScheduleConfig(prediction="epsilon", snr_ratio=sqrt(1 / 15), max_beta=0.99),
)

_MINI = LokiConfig(
    name="mini",
    image_size=64,
    latent_scale=2,
    frames=16,
    unet=UNetConfig(channels=12, widths=(32, 96, 128), attention=("none", "spatial", "full"), layers=1, head_dim=32, groups=16),
    encoder=EncoderConfig(widths=(32,), unshuffle=2),
    reference=ReferenceConfig(frozen=False, whole=False),
    schedule=ScheduleConfig(prediction="v_prediction", snr_ratio=1.0, max_beta=1.0, shared_noise=1.0),
)

PRESETS: Mapping[str, LokiConfig] = {"sd21": _SD21, "mini": _MINI}
"""`sd21` is the paper's system on Stable Diffusion 2.1; `mini` trains on a CPU."""


def preset(name: str) -> LokiConfig:
    """The preset of that name."""
    if name not in PRESETS:
        raise InputError(f"expected one of {', '.join(PRESETS)}, got '{name}'; choose one of them")
    return PRESETS[name]


def ablated(config: LokiConfig, reads: EncoderInput, *, numbers: int) -> LokiConfig:
    """The network that is told less of a pose, or of it in `numbers` numbers; otherwise the same."""
    if reads == "map":
        return config
    channels = numbers if reads == "vector" else config.encoder.channels
    return replace(config, name=f"{config.name}-{reads}", encoder=replace(config.encoder, reads=reads, channels=channels))
