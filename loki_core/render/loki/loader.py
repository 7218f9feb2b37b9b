"""Renderers from settings, over networks that are loaded once."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import torch

from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import SamplerConfig
from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.render.loki.renderer import LokiRenderer, LokiSettings
from loki_core.render.loki.source import LokiSource, Placing, open_source, stamp_of
from loki_core.render.loki.weights import find_loki, lacking_loki
from loki_core.render.settings import SettingValue

__all__ = ["LokiLoader", "settings_of"]


class LokiLoader:
    """Gives renderers for a value of each setting. The network that was used last is kept; weights that changed are read anew."""

    def __init__(self, head: HeadModel, device: torch.device | None = None) -> None:
        """`head`: the one that portraits were fitted with; `device` None: CUDA where there is a GPU."""
        self._head = head
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._lock = threading.Lock()
        self._stamp: object = None
        self._source: LokiSource | None = None

    def __call__(self, values: Mapping[str, SettingValue]) -> LokiRenderer:
        """Raises `InputError` where there are no weights, or such as cannot be used, or for a setting that needs a GPU."""
        settings, placing = settings_of(values), self._placing(values)
        folder = find_loki(str(values["preset"]))
        if folder is None:
            raise InputError(str(lacking_loki(values)))
        with self._lock:
            stamp = (stamp_of(folder), placing)
            if self._source is None or stamp != self._stamp:
                self._source = None  # its memory is free by the time that the next needs it
                self._source, self._stamp = open_source(folder, self._head, self._device, placing), stamp
            return LokiRenderer(self._head, self._source, settings)

    def _placing(self, values: Mapping[str, SettingValue]) -> Placing:
        placing = Placing(offload=bool(values["offload"]), compiled=bool(values["compiled"]))
        if placing != Placing() and self._device.type != "cuda":
            raise InputError("expected a CUDA GPU for 'offload' and 'compiled', found none; switch them off")
        return placing


def settings_of(values: Mapping[str, SettingValue]) -> LokiSettings:
    """The renderer's settings from a value of each setting in the table of renderers. Raises `InputError` for contradictions."""
    steps, progressive = int(values["steps"]), int(values["progressive"])
    if progressive and steps <= 2 * progressive:
        raise InputError(f"expected more than {2 * progressive} steps, got {steps}; take more, or fewer for the pose first")
    guidance = Guidance(float(values["guidance_motion"]), float(values["guidance_identity"]), progressive)
    sampler = SamplerConfig(steps=steps, guidance=guidance, seed=int(values["seed"]), window=int(values["window"]))
    return LokiSettings(sampler, float(values["detail"]), "square" if values["area"] == "square" else "head")
