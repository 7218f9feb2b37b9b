"""Renderers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.render.base import Renderer
from loki_core.render.warp.renderer import WarpRenderer

__all__ = ["RENDERERS", "make_renderer"]

RENDERERS: Mapping[str, Callable[[HeadModel], Renderer]] = MappingProxyType({"warp": WarpRenderer})
"""What makes each renderer, for the head that portraits are fitted with."""


def make_renderer(name: str, head: HeadModel) -> Renderer:
    """The renderer called `name`. Raises `InputError` for a name that is none."""
    if name not in RENDERERS:
        raise InputError(f"expected a renderer ({', '.join(RENDERERS)}), got '{name}'; choose one of these")
    return RENDERERS[name](head)
