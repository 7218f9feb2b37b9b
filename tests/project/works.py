"""Works of all kinds to save: small ones by hand, and random ones as edits make them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import get_args

import torch
from hypothesis import strategies as st

from loki_core.head.controls import CONTROLS, control
from loki_core.head.model import HeadId
from loki_core.motion.clean import Cleaning, PartFilter
from loki_core.motion.clip import Motion
from loki_core.motion.own_expressions import face_values
from loki_core.motion.presets import ExpressionPreset
from loki_core.project.contents import Project, ProjectMotion, ProjectPortrait, StoredFile
from loki_core.raster.camera import Camera
from loki_core.timeline.curves import with_key
from loki_core.timeline.faces import with_own
from loki_core.timeline.layers import REGIONS, Extend, Layer, with_field, with_gain, with_region
from loki_core.timeline.state import (
    StudioState,
    add_layer,
    change_layer,
    values_at_playhead,
    with_control,
    with_frame,
    with_keys,
    with_look,
    with_motion,
    with_portrait,
    with_trim,
)

Edit = Callable[[StudioState], StudioState]
HEAD = HeadId("tiny", "0123456789abcdef")
OTHER = HeadId("large", "fedcba9876543210")


def motion(frames: int = 5, *, seed: int = 0, head: HeadId = HEAD, camera: Camera | None = None) -> Motion:
    """A random one of 3 shape and 4 expression axes."""
    noise = torch.Generator().manual_seed(seed)
    shapes = {
        "betas": (3,),
        "expression": (frames, 4),
        "global_orient": (frames, 3),
        "neck_pose": (frames, 3),
        "jaw_pose": (frames, 3),
        "eye_pose": (frames, 2, 3),
        "translation": (frames, 3),
    }
    return Motion(
        **{name: torch.randn(shape, generator=noise) for name, shape in shapes.items()},
        confidence=torch.rand(frames, generator=noise),
        fps=Fraction(30000, 1001),
        head=head,
        camera=camera,
    )


def picture(side: int = 2) -> bytes:
    """A PNG."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + bytes([40, 90, 160]) * side for _ in range(side))
    header = struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def project(state: StudioState | None = None, *, title: str = "Ein Gruß", head: HeadId = HEAD) -> Project:
    """A portrait, a tracked clip with its sound and a preset."""
    return Project(
        title=title,
        head=head,
        state=with_motion(StudioState(portrait="ada"), "clip") if state is None else state,
        portraits={"ada": ProjectPortrait("Ada", StoredFile(picture(), ".png"), face=2)},
        motions={
            "clip": ProjectMotion(
                "Clip 1", motion(head=head, camera=Camera(50.0, 8.0, 8.0, 16, 16)), StoredFile(b"RIFF", ".wav")
            ),
            "nod": ProjectMotion("Nod", "nod"),
        },
    )


def edited(edits: list[Edit]) -> StudioState:
    """What some edits make of an empty state."""
    state = StudioState()
    for edit in edits:
        state = edit(state)
    return state


def _set(name: str, share: float, state: StudioState) -> StudioState:
    known = control(name)
    value = known.minimum + share * (known.maximum - known.minimum)
    return with_control(state, name, min(value, known.maximum))


def _key(name: str, state: StudioState) -> StudioState:
    return with_keys(state, [*values_at_playhead(state), name])


def _trim(first: int, count: int, state: StudioState) -> StudioState:
    return with_trim(state, first, first + count, frame_count=100)


def _go(frame: int, state: StudioState) -> StudioState:
    return with_frame(state, frame, frame_count=100)


def _look(name: str, value: object, state: StudioState) -> StudioState:
    return with_look(state, name, value)


def _sit(portrait: str, state: StudioState) -> StudioState:
    return with_portrait(state, portrait)


def _play(motion: str, state: StudioState) -> StudioState:
    return with_motion(state, motion)


def _stack(source: str, state: StudioState) -> StudioState:
    return add_layer(state, Layer("", f"on top: {source}", source, mode="additive"))


def _change(change: Callable[..., Layer], name: str, value: object, state: StudioState) -> StudioState:
    if not state.layers:
        return state
    return change_layer(state, state.layers[-1].id, lambda layer: change(layer, name, value))


def _fade(frame: int, share: float, state: StudioState) -> StudioState:
    if not state.layers:
        return state
    return change_layer(state, state.layers[-1].id, lambda layer: replace(layer, weight=with_key(layer.weight, frame, share)))


def _clean(method: str, window: float, lost: str, state: StudioState) -> StudioState:
    if not state.layers:
        return state
    cleaning = Cleaning(head=PartFilter(method, window), mend_outliers=True, lost=lost)  # type: ignore[arg-type]
    return change_layer(state, state.layers[-1].id, lambda layer: replace(layer, cleaning=cleaning))


def _save(label: str, name: str, share: float, state: StudioState) -> StudioState:
    known = control(name)
    values = face_values({name: known.minimum + share * (known.maximum - known.minimum)})
    return with_own(state, ExpressionPreset(f"own-{len(state.expressions)}", label, ("saved",), values))


def _edit(act: Callable[..., StudioState], *values: st.SearchStrategy[object]) -> st.SearchStrategy[Edit]:
    return st.builds(partial, st.just(act), *values)


_NAMES = st.sampled_from([known.name for known in CONTROLS])
EDITS: st.SearchStrategy[list[Edit]] = st.lists(
    st.one_of(
        _edit(_set, _NAMES, st.floats(0, 1)),
        _edit(_key, _NAMES),
        _edit(_trim, st.integers(0, 50), st.integers(1, 40)),
        _edit(_go, st.integers(0, 99)),
        _edit(_look, st.just("autokey"), st.booleans()),
        _edit(_look, st.just("view"), st.sampled_from(("side", "wipe", "map"))),
        _edit(_sit, st.sampled_from(("", "ada"))),
        _edit(_play, st.sampled_from(("", "clip", "nod"))),
        _edit(_stack, st.sampled_from(("", "clip", "nod"))),
        _edit(_change, st.just(with_field), st.just("first"), st.integers(-50, 50)),
        _edit(_change, st.just(with_field), st.just("stop"), st.integers(51, 90)),
        _edit(_change, st.just(with_field), st.just("speed"), st.floats(0.1, 8)),
        _edit(_change, st.just(with_field), st.just("extend"), st.sampled_from(get_args(Extend))),
        _edit(_change, st.just(with_field), st.just("mute"), st.booleans()),
        _edit(_change, st.just(with_region), st.sampled_from(REGIONS), st.floats(0, 1)),
        _edit(_change, st.just(with_gain), st.just("jaw"), st.floats(0, 2)),
        _edit(_clean, st.sampled_from(("none", "savgol", "one_euro")), st.floats(0.1, 1.5), st.sampled_from(("tracked", "hold"))),
        _edit(_save, st.sampled_from(("Wry", "斜め", '"<b>')), _NAMES, st.floats(0, 1)),
        _edit(_fade, st.integers(0, 99), st.floats(0, 1)),
    ),
    max_size=20,
)
"""Edits in the order in which a hand makes them."""
