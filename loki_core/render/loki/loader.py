"""Loading the network for a renderer, once for all settings that share it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from loki_core.diffusion.guidance import Guidance
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.render.loki.renderer import LokiRenderer, LokiSettings
from loki_core.render.loki.weights import find_loki, lacking_loki
from loki_core.render.settings import SettingValue

__all__ = ["LokiLoader", "hash_weights", "settings_of"]


@dataclass(frozen=True, eq=False)
class _Loaded:
    folder: Path
    pipeline: LokiPipeline
    weights: str
    """Hash of the files it came from."""


class LokiLoader:
    """Gives renderers for a value of each setting. The network that was used last stays loaded."""

    def __init__(self, head: HeadModel, device: torch.device | None = None) -> None:
        """`head`: the one that portraits were fitted with; `device` None: CUDA where there is a GPU."""
        self._head = head
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._loading, self._looking = threading.Lock(), threading.Lock()
        self._loaded: _Loaded | None = None

    def __call__(self, values: Mapping[str, SettingValue]) -> LokiRenderer:
        """Raises `InputError` where there are no weights, or such as cannot be used."""
        folder = find_loki(str(values["preset"]))
        if folder is None:
            raise InputError(str(lacking_loki(values)))
        with self._loading:
            if self._loaded is None or self._loaded.folder != folder:
                self._loaded = None  # the memory of the one before is free by the time the next needs it
                self._loaded = self._load(folder)
            loaded = self._loaded
        return LokiRenderer(self._head, loaded.pipeline, settings_of(values), weights=loaded.weights, looking=self._looking)

    def _load(self, folder: Path) -> _Loaded:
        """Half precision on CUDA. On the CPU it would be slower."""
        dtype = torch.float16 if self._device.type == "cuda" else torch.float32
        pipeline = LokiPipeline.from_pretrained(folder, head=self._head.id, torch_dtype=dtype)
        if pipeline.vae is not None:
            pipeline.vae.enable_slicing()
            pipeline.vae.enable_tiling()
        pipeline.to(self._device)
        return _Loaded(folder, pipeline, hash_weights(folder))


def settings_of(values: Mapping[str, SettingValue]) -> LokiSettings:
    """The renderer's settings from a value of each setting in the table of renderers."""
    guidance = Guidance(motion=float(values["guidance_motion"]), identity=float(values["guidance_identity"]))
    sampler = SamplerConfig(steps=int(values["steps"]), guidance=guidance, seed=int(values["seed"]), window=int(values["window"]))
    return LokiSettings(sampler, float(values["detail"]))


def hash_weights(folder: Path) -> str:
    """16 hex digits over all files of a folder of weights."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.*")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
