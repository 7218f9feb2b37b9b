"""`dex` renderers from settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loki_core.errors import InputError
from loki_core.render.dex.renderer import DexRenderer, DexSettings, Told
from loki_core.render.dex.source import DexSource, open_dex
from loki_core.render.dex.weights import find_dex, lacking_dex
from loki_core.render.diffused.loader import NetworkLoader, sampler_of
from loki_core.render.diffused.renderer import area_of
from loki_core.render.diffused.source import Placing
from loki_core.render.settings import SettingValue

__all__ = ["DexLoader"]


class DexLoader(NetworkLoader[DexSource]):
    """The user's own network, or the one that comes with the project."""

    def _folder(self, values: Mapping[str, SettingValue]) -> Path:
        if lacking := lacking_dex(values):
            raise InputError(lacking)
        folder = find_dex()
        assert folder is not None  # else it would be lacking
        return folder

    def _open(self, folder: Path, placing: Placing) -> DexSource:
        return open_dex(folder, self._head, self._device)

    def _renderer(self, source: DexSource, values: Mapping[str, SettingValue]) -> DexRenderer:
        told: Told = "warp" if values["told"] == "warp" else "clip" if values["told"] == "clip" else "coefficients"
        settings = DexSettings(sampler_of(values), float(values["detail"]), float(values["likeness"]), area_of(values), told)
        return DexRenderer(self._head, source, settings)
