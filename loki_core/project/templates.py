"""Starting points: states of work without a portrait, kept as JSON and read as strictly as projects are."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from loki_core.errors import InputError
from loki_core.project.rules import check_state
from loki_core.timeline.state import StudioState

__all__ = ["TEMPLATES", "Template", "begin_with", "load_template"]

TEMPLATES = Path(__file__).resolve().parents[2] / "presets" / "templates"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Template:
    """A work to begin with."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    label: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    help: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """One sentence."""
    state: StudioState


def load_template(path: Path, motions: Container[str]) -> Template:
    """Read a template whose layers play `motions`, by name. Raises `InputError` that names the file and what is wrong in it."""
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise InputError(f"{path.name}: expected at most {_MOST_BYTES >> 20} MiB of JSON, got more; use another copy")
    try:
        template = _reader()(data)
        _check(template.state, motions)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path.name}: {place:.120}: {first['msg']}, got {first['input']!r:.40}; use another copy") from exc
    except InputError as exc:
        raise InputError(f"{path.name}: {exc}") from exc
    return template


def begin_with(template: Template, state: StudioState) -> StudioState:
    """The template on the portrait of a work, with the user's own expressions."""
    return replace(template.state, portrait=state.portrait, expressions=state.expressions)


def _check(state: StudioState, motions: Container[str]) -> None:
    if state.portrait or state.expressions:
        raise InputError("expected a template without portrait and expressions of its own, got some; leave them out")
    check_state(state, (), motions)


@lru_cache(maxsize=1)
def _reader() -> Callable[[bytes], Template]:
    return TypeAdapter(Template).validate_json
