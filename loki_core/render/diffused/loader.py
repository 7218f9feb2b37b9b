"""Renderers from settings, over networks that are loaded once."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import SamplerConfig
from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.render.base import Renderer
from loki_core.render.diffused.source import NetworkSource, Placing, stamp_of
from loki_core.render.settings import SettingValue

__all__ = ["NetworkLoader", "sampler_of"]

_S = TypeVar("_S", bound=NetworkSource[Any])


class NetworkLoader(ABC, Generic[_S]):
    """Gives renderers for a value of each setting. The network that was used last is kept; weights that changed are read anew."""

    def __init__(self, head: HeadModel, device: torch.device | None = None) -> None:
        """`head`: the one that portraits were fitted with; `device` None: CUDA where there is a GPU."""
        self._head = head
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._lock = threading.Lock()
        self._stamp: object = None
        self._source: _S | None = None

    def __call__(self, values: Mapping[str, SettingValue]) -> Renderer:
        """Raises `InputError` where there are no weights, or such as cannot be used, and for settings that cannot be."""
        placing, folder = self._placing(values), self._folder(values)
        with self._lock:
            stamp = (stamp_of(folder), placing)
            if self._source is None or stamp != self._stamp:
                self._source = None  # its memory is free by the time that the next needs it
                self._source, self._stamp = self._open(folder, placing), stamp
            return self._renderer(self._source, values)

    @abstractmethod
    def _folder(self, values: Mapping[str, SettingValue]) -> Path:
        """Where the weights lie. Raises `InputError` where there are none."""

    @abstractmethod
    def _open(self, folder: Path, placing: Placing) -> _S: ...

    @abstractmethod
    def _renderer(self, source: _S, values: Mapping[str, SettingValue]) -> Renderer: ...

    def _placing(self, values: Mapping[str, SettingValue]) -> Placing:
        placing = Placing(offload=bool(values.get("offload")), compiled=bool(values.get("compiled")))
        if placing != Placing() and self._device.type != "cuda":
            raise InputError("expected a CUDA GPU for 'offload' and 'compiled', found none; switch them off")
        return placing


def sampler_of(values: Mapping[str, SettingValue]) -> SamplerConfig:
    """How clips are drawn, from a value of each of `SAMPLER_SETTINGS`. Raises `InputError` for contradictions."""
    steps, progressive = int(values["steps"]), int(values["progressive"])
    if progressive and steps <= 2 * progressive:
        raise InputError(f"expected more than {2 * progressive} steps, got {steps}; take more, or fewer for the pose first")
    guidance = Guidance(float(values["guidance_motion"]), float(values["guidance_identity"]), progressive)
    return SamplerConfig(steps=steps, guidance=guidance, seed=int(values["seed"]), window=int(values["window"]))
