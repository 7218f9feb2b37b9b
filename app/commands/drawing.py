"""The options that choose a renderer and its settings: made of the table of renderers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from app.commands.options import Parser
from loki_core.render.kinds import DEFAULT_RENDERER, RENDERERS
from loki_core.render.settings import Setting

if TYPE_CHECKING:
    from loki_core.head.model import HeadModel
    from loki_core.render.base import Renderer

__all__ = ["add_renderer", "renderer_of"]


def add_renderer(parser: Parser) -> None:
    """Declare --renderer and an option for every setting of every renderer; those that several have, once."""
    parser.add_argument(
        "--renderer",
        default=DEFAULT_RENDERER,
        metavar="NAME",
        help=f"what draws the frames: {', '.join(RENDERERS)} (default: {DEFAULT_RENDERER})",
    )
    said: dict[str, Setting] = {}
    for kind in RENDERERS.values():
        if not kind.settings:
            continue
        again = ", ".join(_again(setting, said[setting.name]) for setting in kind.settings if setting.name in said)
        also = f" Takes {again} as well, which are above." if again else ""
        group = parser.add_argument_group(f"--renderer {kind.key}", f"{kind.help} {kind.licence}{also}")
        for setting in kind.settings:
            if setting.name not in said:
                group.add_argument(_option(setting), dest=_place(setting), default=None, **_reading(setting))
                said[setting.name] = setting


def renderer_of(arguments: argparse.Namespace, head: HeadModel) -> Renderer:
    """The renderer that the options name. Raises `InputError` for settings that it cannot have, and for what it lacks."""
    from loki_core.render.kinds import renderer_kind
    from loki_core.render.registry import make_renderer

    kind = renderer_kind(arguments.renderer)
    given = {
        setting.name: value
        for other in RENDERERS.values()
        for setting in other.settings
        if (value := getattr(arguments, _place(setting))) is not None
    }
    return make_renderer(kind.key, head, given)


def _place(setting: Setting) -> str:
    """Where its value lies among the arguments."""
    return f"render_{setting.name}"


def _option(setting: Setting) -> str:
    return f"--{setting.name.replace('_', '-')}"


def _again(setting: Setting, first: Setting) -> str:
    """An option that another renderer has declared, with the default where that is another."""
    return _option(setting) + ("" if setting.default == first.default else f" (default: {setting.default})")


def _reading(setting: Setting) -> dict[str, Any]:
    """How argparse reads it; its range is checked with the others."""
    words = setting.help.replace("%", "%%")
    if setting.kind == "switch":
        return {"action": "store_true", "help": words}
    words = f"{words} (default: {setting.default})"
    if setting.kind == "choice":
        return {"choices": tuple(dict(setting.choices)), "help": words}
    whole = setting.kind == "whole"
    return {"type": int if whole else float, "metavar": "N" if whole else "X", "help": words}
