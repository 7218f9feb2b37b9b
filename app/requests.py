"""Reading what a page sent. Nothing in it is trusted: every value is asked for by its kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from app.words import say
from loki_core.errors import InputError

__all__ = ["Reply", "Request", "flag", "integer", "listing", "number", "numbers", "optional_integer", "optional_text", "text"]

Request = Mapping[str, Any]
"""JSON from the page."""
Reply = dict[str, Any]
"""JSON to the page."""

_LONGEST = 4096


def _refuse() -> InputError:
    return InputError(say("bad_request"))


def text(request: Request, key: str) -> str:
    """A short string."""
    value = request.get(key)
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise _refuse()
    return value


def optional_text(request: Request, key: str) -> str | None:
    """A short string, or null."""
    return None if request.get(key) is None else text(request, key)


def number(request: Request, key: str) -> float:
    """A finite number."""
    value = request.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refuse()
    return float(value)


def integer(request: Request, key: str) -> int:
    """A whole number."""
    value = number(request, key)
    if value != int(value):
        raise _refuse()
    return int(value)


def optional_integer(request: Request, key: str) -> int | None:
    """A whole number, or null."""
    return None if request.get(key) is None else integer(request, key)


def flag(request: Request, key: str) -> bool:
    """True or false."""
    value = request.get(key)
    if not isinstance(value, bool):
        raise _refuse()
    return value


def numbers(request: Request, key: str, count: int | None = None) -> dict[str, Any]:
    """A few values by name: numbers, or lists of `count` numbers."""
    table = request.get(key)
    if not isinstance(table, dict) or len(table) > 256 or not all(isinstance(name, str) for name in table):
        raise _refuse()
    if count is None:
        return {name: number(table, name) for name in table}
    return {name: tuple(number({"": part}, "") for part in _row(table[name], count)) for name in table}


def _row(value: object, count: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != count:
        raise _refuse()
    return value


def listing(request: Request, key: str) -> list[Any]:
    """A list of at most some hundred things."""
    value = request.get(key)
    if not isinstance(value, list) or len(value) > 256:
        raise _refuse()
    return value
