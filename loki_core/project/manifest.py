"""The JSON of a project: its table of contents and its state, read strictly by the types of the fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from loki_core.errors import InputError
from loki_core.head.model import HeadId
from loki_core.project.migrate import migrate
from loki_core.project.rules import check_state
from loki_core.timeline.state import StudioState

__all__ = [
    "Manifest", "MotionEntry", "PortraitEntry", "SoundEntry", "check_same", "media_member", "motion_member", "portrait_member",
    "read_manifest", "sound_member", "write_manifest",
]  # fmt: skip

_MOST_BYTES = 1 << 25
_LARGEST = 1e9
"""No frame, unit or gain comes near it; floats would lose whole numbers further on."""

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
Suffix = Annotated[str, StringConstraints(pattern=r"^\.[a-z0-9]{1,8}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=300)]
"""Long enough for the name of any file."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class PortraitEntry:
    """A portrait without its bytes."""

    name: Label
    suffix: Suffix
    face: Annotated[int, Field(ge=1)] | None


@dataclass(frozen=True)
class MotionEntry:
    """A motion without its bytes."""

    name: Label
    preset: Key | None
    """None: its coefficients are a member."""
    media: Suffix | None
    """None: there is no clip."""


@dataclass(frozen=True)
class SoundEntry:
    """A sound without its bytes."""

    name: Label
    suffix: Suffix


@dataclass(frozen=True)
class Manifest:
    """All of a project but the bytes of its files."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    version: int
    title: Annotated[str, StringConstraints(max_length=200)]
    head: HeadId
    state: StudioState
    portraits: dict[Key, PortraitEntry]
    motions: dict[Key, MotionEntry]
    members: dict[str, Digest]
    """SHA-256 of every file, by the name that the table gives it."""
    sounds: dict[Key, SoundEntry] = field(default_factory=dict)


def write_manifest(manifest: Manifest) -> bytes:
    """As JSON. Raises `InputError` for what could not be read again, such as an empty name."""
    try:
        text = json.dumps(asdict(manifest), allow_nan=False)
    except ValueError as exc:
        raise InputError(f"expected finite numbers in the project, got others ({exc}); undo the last step") from exc
    read_manifest(text.encode(), manifest.head, "the project")
    return text.encode()


def read_manifest(data: bytes, head: HeadId, where: str) -> Manifest:
    """The inverse of `write_manifest`, and older versions made new.

    Raises `InputError` for JSON that is damaged, hostile, of a newer version or for another head, and for a table of files
    that is not that of its portraits and motions.
    """
    manifest = _validated(migrate(_parsed(data, where), where), where)
    if manifest.head != head:
        raise InputError(
            f"{where}: expected a project for the head '{head.name}' ({head.hash}), got one for '{manifest.head.name}' "
            f"({manifest.head.hash}); start the studio with that head"
        )
    try:
        check_state(manifest.state, manifest.portraits, manifest.motions, manifest.sounds)
    except InputError as exc:
        raise InputError(f"{where}: {exc}") from exc
    _check_table(manifest, where)
    return manifest


def portrait_member(key: str, suffix: str) -> str:
    return f"portraits/{key}{suffix}"


def motion_member(key: str) -> str:
    return f"motions/{key}.npz"


def media_member(key: str, suffix: str) -> str:
    return f"media/{key}{suffix}"


def sound_member(key: str, suffix: str) -> str:
    return f"sounds/{key}{suffix}"


def _check_table(manifest: Manifest, where: str) -> None:
    expected = {portrait_member(key, entry.suffix) for key, entry in manifest.portraits.items()}
    expected |= {motion_member(key) for key, entry in manifest.motions.items() if entry.preset is None}
    expected |= {media_member(key, entry.media) for key, entry in manifest.motions.items() if entry.media is not None}
    expected |= {sound_member(key, entry.suffix) for key, entry in manifest.sounds.items()}
    check_same(expected, manifest.members, f"{where}: its table of files")


def check_same(expected: Iterable[str], got: Iterable[str], where: str) -> None:
    """Raise `InputError` that names the first of the names that are missing or too many."""
    wanted, found = set(expected), set(got)
    problems = [f"{name!r:.80} is missing" for name in sorted(wanted - found)]
    problems += [f"{name!r:.80} does not belong there" for name in sorted(found - wanted)]
    if problems:
        raise InputError(f"{where}: {problems[0]}; use another copy of the project")


def _parsed(data: bytes, where: str) -> dict[str, Any]:
    if len(data) > _MOST_BYTES:
        raise InputError(f"{where}: expected at most {_MOST_BYTES >> 20} MiB of JSON, got {len(data) >> 20} MiB")
    try:
        document = json.loads(
            data.decode("utf-8"),
            parse_int=_whole,
            parse_float=_number,
            parse_constant=_no_constant,
            object_pairs_hook=_each_once,
        )
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{where}: expected a project's JSON ({exc!s:.100}); use another copy") from exc
    if not isinstance(document, dict):
        raise InputError(f"{where}: expected a project's JSON, got a {type(document).__name__}; use another copy")
    return document


def _validated(document: Any, where: str) -> Manifest:
    try:
        return _reader()(json.dumps(document))
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where}: {place:.120}: {first['msg']}, got {first['input']!r:.40}; use another copy") from exc
    except RecursionError as exc:
        raise InputError(f"{where}: expected a project's JSON, got one that is nested too deep; use another copy") from exc


@lru_cache(maxsize=1)
def _reader() -> Callable[[str], Manifest]:
    """Made of the types in 20 ms, more than most projects take to be read."""
    return TypeAdapter(Manifest).validate_json


def _whole(text: str) -> int:
    value = int(text)
    if abs(value) > _LARGEST:
        raise ValueError(f"{text:.20} is out of range")
    return value


def _number(text: str) -> float:
    value = float(text)
    if not abs(value) <= _LARGEST:
        raise ValueError(f"{text:.20} is out of range")
    return value


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name is there twice")
    return table
