"""Reading a LIA-X checkpoint: the released bare state_dict or safetensors, checked key by key before it is used."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from loki_core.errors import InputError
from loki_core.lia_x.animate import LiaX
from loki_core.lia_x.generator import Generator, LiaXConfig
from loki_core.tensors import check_tensors

__all__ = ["load_animator", "load_generator", "read_state_dict"]

_SHOWN = 3
"""How many differences an error names."""


def load_generator(path: Path) -> Generator:
    """The network that a checkpoint holds; widths, directions and size are read from its shapes.

    Raises `InputError` for a file that is not such a checkpoint, naming the first differences.
    """
    state = read_state_dict(path)
    config = _config_of(state, path)
    with torch.device("meta"):
        generator = Generator(config)
    check_tensors(generator.state_dict(), state, path.name, "a LIA-X checkpoint")
    generator.load_state_dict(state, assign=True)
    return generator


def load_animator(path: Path) -> LiaX:
    """The network of a checkpoint, ready for inference: on CUDA where there is one, with a decoder in half precision.

    On the CPU it decodes a frame at a time, so that it can be stopped after each. Raises `InputError` as `load_generator`.
    """
    generator = load_generator(path)
    if torch.cuda.is_available():
        return LiaX(generator.to("cuda"), decoder_dtype=torch.float16)
    return LiaX(generator, chunk=1)


def read_state_dict(path: Path) -> Mapping[str, Tensor]:
    """Names and tensors of a .safetensors file or of a torch file, which is never allowed to run code."""
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, BadZipFile, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise InputError(
            f"expected a LIA-X checkpoint, got '{path.name}' which cannot be read as tensors "
            f"({_first_line(error)}); download lia-x.pt again"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise InputError(
            f"expected a LIA-X checkpoint (a table of tensors by name), got {_describe(state)} in '{path.name}'; "
            "use the released lia-x.pt"
        )
    return state


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__


def _describe(value: object) -> str:
    if isinstance(value, dict):
        return "a table with the entries " + ", ".join(map(str, list(value)[:_SHOWN]))
    return f"a {type(value).__name__}"


def _config_of(state: Mapping[str, Tensor], path: Path) -> LiaXConfig:
    """The configuration that gives these shapes."""
    direction, finest = state.get("dec.direction.weight"), state.get("enc.enc_2r.block1.0.weight")
    if direction is None or direction.ndim != 2 or finest is None or finest.ndim != 4:
        raise InputError(
            f"expected a LIA-X checkpoint with dec.direction.weight and enc.enc_2r.block1.0.weight, got '{path.name}' with "
            f"{len(state)} entries such as {', '.join(list(state)[:_SHOWN])}; use the released lia-x.pt"
        )
    levels = sum(name.startswith("dec.flow") and name.endswith(".up.kernel") for name in state)
    size = 2 ** (levels + 2)
    if not 16 <= size <= 512:
        raise InputError(
            f"expected a LIA-X checkpoint with 2 to 7 decoder levels, got {levels} in '{path.name}'; use the released lia-x.pt"
        )
    return LiaXConfig(scale=direction.shape[0] / 512, motion_dim=direction.shape[1], size=size)
