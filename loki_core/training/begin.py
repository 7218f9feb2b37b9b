"""A run that begins with what another one learned."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional as F

from loki_core.dex.configs import DexConfig, MotionConfig
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.network import DexNetwork
from loki_core.dex.saved import holds_dex, read_dex, read_motion_network
from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.saved import read_pipeline
from loki_core.diffusion.stable_diffusion import Base
from loki_core.errors import InputError
from loki_core.head.model import HeadId

__all__ = ["begin_with", "read_animator", "read_beginning", "read_encoders", "read_unets", "take_unets"]

_LOOK = "attn2.to_out.0."
"""The last layer of a look at the expression."""


def begin_with(folder: Path, config: LokiConfig, head: HeadId) -> Base:
    """The network in a folder of weights. Raises `InputError` for one of another architecture or for another head."""
    saved = read_pipeline(folder, head, torch.float32)
    if saved.network.loki != config:
        raise InputError(
            f"expected weights of a network {config.name} to begin with, got '{folder}' of {saved.network.loki.name} with other "
            f"settings; choose others, or the preset that they are of"
        )
    return Base(saved.network, saved.vae)


def read_animator(folder: Path, dex: DexConfig) -> DexNetwork:
    """An animator with its motion encoders. Raises `InputError` for one of another architecture."""
    network, _ = read_dex(folder)
    if network.dex != dex:
        raise InputError(f"expected weights of {dex.name} to begin with, got '{folder}' of {network.dex.name}; choose others")
    return network


def read_encoders(folder: Path, motion: MotionConfig) -> MotionNetwork:
    """What the first stage learned, or an animator has. Raises `InputError` for motion encoders of another architecture."""
    network = _read_motion(folder)
    if network.motion != motion:
        raise InputError(f"expected motion weights of '{motion.name}', got '{network.motion.name}'; train those first")
    return network


def read_beginning(folder: Path, motion: MotionConfig) -> MotionNetwork:
    """The same to go on from, whether it learned with augmentation or without. Raises `InputError` for another architecture."""
    network = _read_motion(folder)
    if not motion.fits(network.motion):
        raise InputError(f"expected weights of '{motion.name}' to begin with, got '{network.motion.name}'; choose others")
    return network


def _read_motion(folder: Path) -> MotionNetwork:
    return read_dex(folder)[0].motion if holds_dex(folder) else read_motion_network(folder)


def read_unets(folder: Path, dex: DexConfig, head: HeadId) -> LokiNetwork:
    """Loki's weights, whose UNets are those of an animator. Raises `InputError` for others, and for those of another head."""
    learned = read_pipeline(folder, head, torch.float32).network
    loki = learned.loki
    if (loki.unet, loki.schedule, loki.reference.context, loki.reference.whole) != (dex.unet, dex.schedule, None, False):
        raise InputError(f"expected Loki's weights with the UNets of {dex.name} to begin with, got {loki.name}; choose others")
    return learned


def take_unets(network: DexNetwork, learned: LokiNetwork) -> None:
    """Give an animator the UNets of `read_unets`. What those have not, rays and the look at the expression, adds 0 at first."""
    network.reference.load_state_dict(learned.reference.state_dict())
    own, state = network.generation.state_dict(), learned.generation.state_dict()
    joined = own["conv_in.weight"].shape[1] - state["conv_in.weight"].shape[1]
    state["conv_in.weight"] = F.pad(state["conv_in.weight"], (0, 0, 0, 0, 0, joined))
    silent = {name: torch.zeros_like(value) for name, value in own.items() if _LOOK in name}
    network.generation.load_state_dict({**own, **silent, **state})
