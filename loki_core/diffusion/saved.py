"""Reading a saved pipeline: JSON and safetensors, checked by name before anything is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.network import LokiNetwork
from loki_core.errors import InputError
from loki_core.head.model import HeadId
from loki_core.tensors import check_tensors

__all__ = [
    "SavedPipeline", "fill_network", "read_architecture", "read_config", "read_json", "read_network", "read_pipeline",
    "read_tensors", "read_vae", "read_weights", "weights_hash",
]  # fmt: skip

_WEIGHTS = "diffusion_pytorch_model.safetensors"
_PICKLES = frozenset({".bin", ".ckpt", ".pkl", ".pickle", ".pt", ".pth"})


@dataclass(frozen=True, eq=False)
class SavedPipeline:
    """What a folder holds."""

    network: LokiNetwork
    vae: AutoencoderKL | None
    head: HeadId


def read_pipeline(folder: Path, head: HeadId | None, dtype: torch.dtype) -> SavedPipeline:
    """A folder that `LokiPipeline.save_pretrained` wrote; `InputError` says what is wrong with any other."""
    index = read_json(folder / "model_index.json")
    if index.get("_class_name") != "LokiPipeline":
        raise InputError(
            f"{folder.name}: expected a LokiPipeline, got {index.get('_class_name')}; choose a folder of Loki weights"
        )
    found = HeadId(*_head(index, folder))
    if head is not None and found != head:
        raise InputError(
            f"{folder.name}: expected weights for the head '{head.name}' ({head.hash}), got those for '{found.name}' "
            f"({found.hash}); use weights that were trained on this head, or switch to that one"
        )
    network = read_network(folder / "network", dtype)
    return SavedPipeline(network, read_vae(folder, index, dtype), found)


def read_config(folder: Path) -> LokiConfig:
    """What the network of a folder is, from its config.json alone. Raises `InputError` for one that is none."""
    return LokiConfig.from_dict(read_architecture(folder))


def read_architecture(folder: Path) -> dict[str, Any]:
    """The architecture of a folder's config.json, as plain values. Raises `InputError` where there is none."""
    architecture = read_json(folder / "config.json").get("architecture")
    if not isinstance(architecture, dict):
        raise InputError(f"{folder.name}/config.json: expected an architecture, got {architecture!r}; save the weights again")
    return architecture


def read_network(folder: Path, dtype: torch.dtype = torch.float32) -> LokiNetwork:
    """The network of a folder with config.json and one safetensors file."""
    config = read_config(folder)
    with torch.device("meta"):
        network = LokiNetwork(config.to_dict())
    fill_network(network, folder, config.name, dtype)
    network.freeze()
    return network


def fill_network(network: nn.Module, folder: Path, name: str, dtype: torch.dtype) -> None:
    """Give a network made on the meta device the weights of a folder, for use. `name`: how errors call its architecture."""
    state = read_weights(folder)
    check_tensors(network.state_dict(), state, f"{folder.name}/{_WEIGHTS}", f"the architecture '{name}'")
    network.load_state_dict({name: tensor.to(dtype, copy=True) for name, tensor in state.items()}, assign=True)
    network.eval()


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of a network's folder, as `read_tensors` gives them."""
    return read_tensors(folder / _WEIGHTS)


def weights_hash(path: Path) -> str:
    """SHA-256 of a saved pipeline's network, of a saved network, or of a file of weights; hexadecimal."""
    folder = path / "network" if (path / "network").is_dir() else path
    with (path if path.is_file() else folder / _WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Names and tensors of a safetensors file, mapped and not copied: copy what is to outlive the file. Never a pickle."""
    if not path.is_file():
        pickles = sorted(p.name for p in path.parent.glob("*") if p.suffix in _PICKLES)
        got = f"only {pickles[0]}, a pickle, which may run code and is not read" if pickles else "none"
        raise InputError(f"expected {path.name} in {path.parent.name}, got {got}; get the safetensors file")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as exc:
        raise InputError(f"{path.name}: expected safetensors, got a damaged or foreign file ({exc}); get it again") from exc


def read_json(path: Path) -> dict[str, Any]:
    """A table. Raises `InputError` for a file that is missing, damaged or holds something else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise InputError(f"expected {path.name} in {path.parent.name}, got none; choose a folder of weights") from exc
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise InputError(f"{path.name}: expected JSON, got a damaged file ({exc}); get it again") from exc
    if not isinstance(values, dict):
        raise InputError(f"{path.name}: expected a table, got {type(values).__name__}; get it again")
    return values


def _head(index: Mapping[str, Any], folder: Path) -> tuple[str, str]:
    head = index.get("head")
    if not (isinstance(head, list) and len(head) == 2 and all(isinstance(part, str) for part in head)):
        raise InputError(f"{folder.name}: expected the head's name and hash, got {head!r}; save the weights again")
    return head[0], head[1]


def read_vae(folder: Path, index: Mapping[str, Any], dtype: torch.dtype) -> AutoencoderKL | None:
    """The VAE of a pipeline's folder; None where its `index` names none."""
    if not any(index.get("vae") or ()):
        return None
    state = read_tensors(folder / "vae" / _WEIGHTS)
    settings = read_json(folder / "vae" / "config.json")
    with torch.device("meta"):
        vae = AutoencoderKL.from_config(settings)
    check_tensors(vae.state_dict(), state, f"vae/{_WEIGHTS}", "AutoencoderKL")
    vae.load_state_dict({name: tensor.to(dtype, copy=True) for name, tensor in state.items()}, assign=True)
    return vae.eval()
