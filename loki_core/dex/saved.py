"""Reading saved networks of DeX-Portrait: JSON and safetensors, checked by name before anything is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from loki_core.dex.configs import DexConfig, MotionConfig
from loki_core.dex.mapping import motion_fingerprint
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.network import DexNetwork
from loki_core.diffusion.saved import fill_network, read_architecture, read_json, read_vae, read_weights
from loki_core.errors import InputError

__all__ = ["holds_dex", "read_dex", "read_dex_config", "read_motion_network", "saved_fingerprint"]

_INDEX, _PIPELINE = "model_index.json", "DexPipeline"
_MOTION = "motion."
"""Begins the names of the encoders' tensors in an animator."""


def read_dex(folder: Path, dtype: torch.dtype = torch.float32) -> tuple[DexNetwork, AutoencoderKL | None]:
    """A folder that `DexPipeline.save_pretrained` wrote; `InputError` says what is wrong with any other."""
    index, config = _read_index(folder), read_dex_config(folder)
    with torch.device("meta"):
        network = DexNetwork(config.to_dict())
    fill_network(network, folder / "network", config.name, dtype)
    network.freeze()
    return network, read_vae(folder, index, dtype)


def read_dex_config(folder: Path) -> DexConfig:
    """What the network of such a folder is, without reading it."""
    _read_index(folder)
    return DexConfig.from_dict(read_architecture(folder / "network"))


def holds_dex(folder: Path) -> bool:
    """Whether a folder says that it holds an animator. Raises `InputError` where what it says cannot be read."""
    index = folder / _INDEX
    return index.exists() and read_json(index).get("_class_name") == _PIPELINE


def _read_index(folder: Path) -> dict[str, Any]:
    index = read_json(folder / _INDEX)
    if index.get("_class_name") != _PIPELINE:
        raise InputError(f"{folder.name}: expected a {_PIPELINE}, got {index.get('_class_name')}; choose a folder of DeX weights")
    return index


def read_motion_network(folder: Path, dtype: torch.dtype = torch.float32) -> MotionNetwork:
    """A folder that `MotionNetwork.save_pretrained` wrote."""
    config = MotionConfig.from_dict(read_architecture(folder))
    with torch.device("meta"):
        network = MotionNetwork(config.to_dict())
    fill_network(network, folder, config.name, dtype)
    return network


def saved_fingerprint(folder: Path) -> str:
    """What stands for the motion encoders of a folder that `DexPipeline.save_pretrained` wrote."""
    state = read_weights(folder / "network")
    own = {name.removeprefix(_MOTION): tensor for name, tensor in state.items() if name.startswith(_MOTION)}
    return motion_fingerprint(own)
