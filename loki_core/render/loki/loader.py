"""`loki` renderers from settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.errors import InputError
from loki_core.render.diffused.loader import NetworkLoader, sampler_of
from loki_core.render.diffused.renderer import DiffusedSettings, area_of
from loki_core.render.diffused.source import NetworkSource, Placing
from loki_core.render.loki.renderer import LokiRenderer
from loki_core.render.loki.source import open_source
from loki_core.render.loki.weights import find_loki, lacking_loki
from loki_core.render.settings import SettingValue

__all__ = ["LokiLoader", "settings_of"]


class LokiLoader(NetworkLoader[NetworkSource[LokiPipeline]]):
    """The network of the preset that the settings name."""

    def _folder(self, values: Mapping[str, SettingValue]) -> Path:
        folder = find_loki(str(values["preset"]))
        if folder is None:
            raise InputError(str(lacking_loki(values)))
        return folder

    def _open(self, folder: Path, placing: Placing) -> NetworkSource[LokiPipeline]:
        return open_source(folder, self._head, self._device, placing)

    def _renderer(self, source: NetworkSource[LokiPipeline], values: Mapping[str, SettingValue]) -> LokiRenderer:
        return LokiRenderer(self._head, source, settings_of(values))


def settings_of(values: Mapping[str, SettingValue]) -> DiffusedSettings:
    """The renderer's settings from a value of each setting in the table of renderers. Raises `InputError` for contradictions."""
    return DiffusedSettings(sampler_of(values), float(values["detail"]), float(values["likeness"]), area_of(values))
