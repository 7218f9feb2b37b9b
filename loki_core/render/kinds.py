"""Which renderers there are: what each is called, what it is good for, under which licence, and what can be set.

Standard library only, as `settings`; what builds them is in `registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from loki_core.errors import InputError
from loki_core.render.settings import Setting, SettingValue, stored

__all__ = ["DEFAULT_RENDERER", "RENDERERS", "RendererKind", "check_choice", "renderer_kind"]

DEFAULT_RENDERER = "warp"


@dataclass(frozen=True)
class RendererKind:
    """A renderer as it is offered."""

    key: str
    label: str
    help: str
    """A sentence: how it works and what it is good for."""
    licence: str
    """A sentence: of its weights, where it has any."""
    settings: tuple[Setting, ...] = ()
    lacking: Callable[[Mapping[str, SettingValue]], str | None] = lambda values: None
    """For a value of each setting: what is missing on this machine and what to do about it, a sentence; None: nothing."""


RENDERERS: Mapping[str, RendererKind] = MappingProxyType(
    {
        kind.key: kind
        for kind in (
            RendererKind(
                key="warp",
                label="Warp",
                help="Moves the portrait's own pixels with the head mesh: fast and sharp; what was never seen is drawn simply.",
                licence="No weights: nothing to license.",
            ),
        )
    }
)
"""By key, in the order in which they are offered."""


def renderer_kind(key: str) -> RendererKind:
    """The renderer called `key`. Raises `InputError` for a name that is none."""
    if key not in RENDERERS:
        raise InputError(f"expected a renderer ({', '.join(RENDERERS)}), got '{key:.40}'; choose one of these")
    return RENDERERS[key]


def check_choice(key: str, settings: tuple[tuple[str, SettingValue], ...]) -> None:
    """Raise `InputError` unless these are settings of that renderer, as `stored` keeps them."""
    kind = renderer_kind(key)
    if stored(kind.settings, dict(settings)) != settings:
        raise InputError("expected settings of a renderer in order, each once, and none at its default; use another copy")
