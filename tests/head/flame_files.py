"""Writes files in FLAME's layout, as Python 2 and chumpy left them, around arrays made by the tests."""

from __future__ import annotations

import pickle
import struct
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


@contextmanager
def fake_chumpy() -> Iterator[types.ModuleType]:
    """chumpy's class names for the pickler, inside the block only."""
    modules = {name: types.ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering", "chumpy.logic")}
    for module, name in (("chumpy.ch", "Ch"), ("chumpy.reordering", "Select"), ("chumpy.logic", "Add")):
        setattr(modules[module], name, type(name, (), {"__module__": module}))
    sys.modules.update(modules)
    try:
        yield modules["chumpy"]
    finally:
        for name in modules:
            del sys.modules[name]


def chumpy_object(name: str, **state: Any) -> Any:
    """An instance of a chumpy class, such as "ch.Ch"; only inside `fake_chumpy`."""
    module, _, kind = name.partition(".")
    instance = getattr(sys.modules[f"chumpy.{module}"], kind)()
    instance.__dict__.update(state)
    return instance


def write_flame_pickle(path: Path, arrays: Mapping[str, Any], *, protocol: int = 2, chumpy: tuple[str, ...] = ()) -> Path:
    """Pickle `arrays`, those named in `chumpy` wrapped as `chumpy.ch.Ch`."""
    with fake_chumpy():
        wrapped = {k: chumpy_object("ch.Ch", x=v, _dirty_vars={"x"}) if k in chumpy else v for k, v in arrays.items()}
        path.write_bytes(pickle.dumps(wrapped, protocol=protocol))
    return path


def python2_pickle(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A protocol 2 pickle byte for byte as Python 2's cPickle wrote it: arrays as raw `str`, keys as short `str`."""
    body = b"".join(_short(key) + _python2_array(array) for key, array in arrays.items())
    return b"\x80\x02}(" + body + b"u."


def _python2_array(array: np.ndarray) -> bytes:
    raw = np.asfortranarray(array).tobytes(order="F")
    shape = b"(" + b"".join(b"J" + struct.pack("<i", size) for size in array.shape) + b"t"
    dtype = (
        b"cnumpy\ndtype\n"
        + _short(array.dtype.str[1:])
        + b"K\x00K\x01\x87R(K\x03"
        + _short("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    data = b"T" + struct.pack("<i", len(raw)) + raw
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
        + _short("b")
        + b"\x87R(K\x01"
        + shape
        + dtype
        + b"\x88"
        + data
        + b"tb"
    )


def _short(text: str) -> bytes:
    return b"U" + bytes([len(text)]) + text.encode("latin-1")
