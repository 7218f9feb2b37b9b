"""Random networks of DeX-Portrait with a mapping, as training leaves them in a folder."""

from __future__ import annotations

from pathlib import Path

import torch

from loki_core.dex.coefficients import feature_count
from loki_core.dex.mapping import MAPPING_FOLDER, DexMapping, save_mapping
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.network import DexNetwork
from loki_core.dex.pipeline import DexPipeline
from loki_core.dex.saved import saved_fingerprint
from loki_core.head.model import HeadModel
from tests.dex.tiny import TINY

__all__ = ["assert_encoders_equal", "make_tiny_dex", "save_tiny_dex", "tiny_mapping"]


def make_tiny_dex() -> DexPipeline:
    """What begins at zero is random as well, and the encoder's poses differ from picture to picture."""
    torch.manual_seed(0)
    network = DexNetwork(TINY.to_dict())
    torch.nn.init.normal_(network.warp.out.weight, std=0.3)
    torch.nn.init.normal_(network.motion.pose.out.weight, std=0.3)
    torch.nn.init.normal_(network.face.weight, std=0.3)
    return DexPipeline.build(network)


def tiny_mapping(head: HeadModel, motion: str = "tiny") -> DexMapping:
    """A random one."""
    draw = torch.Generator().manual_seed(1)
    face = torch.randn(feature_count(head.expression_count), TINY.motion.expression.latent, generator=draw)
    return DexMapping(head.id, motion, face, torch.randn(6, 6, generator=draw))


def save_tiny_dex(folder: Path, head: HeadModel) -> Path:
    """Such a network and mapping. Returns the folder."""
    make_tiny_dex().save_pretrained(folder)
    save_mapping(tiny_mapping(head, saved_fingerprint(folder)), folder / MAPPING_FOLDER)
    return folder


def assert_encoders_equal(network: MotionNetwork, other: MotionNetwork) -> None:
    """They say the same poses and expressions, to the bit."""
    for own, others in ((network.pose, other.pose), (network.expression, other.expression), (network.readout, other.readout)):
        state = others.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in own.state_dict().items())
