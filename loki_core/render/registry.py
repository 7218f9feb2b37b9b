"""Renderers built for a head."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.lia_x.checkpoint import load_animator
from loki_core.render.base import Renderer
from loki_core.render.kinds import renderer_kind
from loki_core.render.lia_x.renderer import LiaXRenderer, LiaXSettings
from loki_core.render.settings import SettingValue, complete
from loki_core.render.warp.renderer import WarpRenderer
from loki_core.weights import find_weights, weights_folder

__all__ = ["Renderers", "make_renderer"]

_Maker = Callable[[Mapping[str, SettingValue]], Renderer]
"""Makes a renderer for a value of each setting. It keeps what is slow to load, and may be called by several threads."""


class Renderers:
    """The renderers of one head. Each is built when it is first asked for and kept, with all that it loads."""

    def __init__(self, head: HeadModel) -> None:
        """`head`: the one that portraits are fitted with."""
        self._head = head
        self._lock = threading.Lock()
        self._makers: dict[str, _Maker] = {}

    def get(self, key: str, settings: Mapping[str, object] = MappingProxyType({})) -> Renderer:
        """The renderer called `key`; settings that are not given are at their default.

        Raises `InputError` for a name or setting that is none, and where something is missing that it needs.
        """
        kind = renderer_kind(key)
        values = complete(kind.settings, settings)
        if lacking := kind.lacking(values):
            raise InputError(lacking)
        with self._lock:
            if key not in self._makers:
                self._makers[key] = _MAKERS[key](self._head)
        return self._makers[key](values)


def make_renderer(key: str, head: HeadModel, settings: Mapping[str, object] = MappingProxyType({})) -> Renderer:
    """One renderer, as `Renderers.get` gives it."""
    return Renderers(head).get(key, settings)


def _warp(head: HeadModel) -> _Maker:
    renderer = WarpRenderer(head)
    return lambda values: renderer


def _lia_x(head: HeadModel) -> _Maker:
    path = find_weights("lia-x", weights_folder())
    assert path is not None  # what a renderer lacks was asked before
    animator, stands_for = load_animator(path), path.stat()

    def make(values: Mapping[str, SettingValue]) -> Renderer:
        settings = LiaXSettings(
            drive="clip" if values["drive"] == "clip" else "performance",
            motion="absolute" if values["motion"] == "absolute" else "relative",
            stretch=bool(values["stretch"]),
        )
        return LiaXRenderer(head, animator, settings, weights=f"{path.name} {stands_for.st_size} {stands_for.st_mtime_ns}")

    return make


def _loki(head: HeadModel) -> _Maker:
    from loki_core.render.loki.loader import LokiLoader  # diffusers takes seconds to import, and most work needs none of it

    return LokiLoader(head)


def _dex(head: HeadModel) -> _Maker:
    from loki_core.render.dex.loader import DexLoader  # as above

    return DexLoader(head)


_MAKERS: Mapping[str, Callable[[HeadModel], _Maker]] = MappingProxyType(
    {"dex": _dex, "lia-x": _lia_x, "loki": _loki, "warp": _warp}
)
