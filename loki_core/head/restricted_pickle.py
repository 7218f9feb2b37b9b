"""Reads the pickles that head models come in, without running any of them.

Python's own unpickler calls what a file names. This one only takes notes: whatever a file wants built becomes an inert
`PickledObject`, and only the names that arrays, sparse matrices and chumpy's wrappers are pickled under may appear at all.
`as_array` then makes the arrays, from bytes that are checked to fit.
"""

from __future__ import annotations

import codecs
import io
import math
import pickletools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from loki_core.errors import InputError

__all__ = ["PickledObject", "as_array", "read_pickle"]

_MAX_FILE_BYTES = 1 << 29
"""512 MiB; FLAME's files are a tenth of that."""
_MAX_STEPS = 100_000
"""Opcodes run; FLAME's files have some hundreds. Bounds the memory that a file of tiny objects could take."""
_MAX_ELEMENTS = 1 << 27
"""Elements of a sparse matrix once it is dense."""
_MAX_NESTING = 4
"""chumpy objects inside each other."""

_SPARSE = frozenset(
    f"scipy.sparse{module}.{kind}_matrix" for kind in ("csc", "csr", "coo") for module in ("", f".{kind}", f"._{kind}")
)
_ARRAY = frozenset({"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"})
_SCALAR = frozenset({"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"})
_ENCODE = "_codecs.encode"
_BYTES = frozenset({"__builtin__.bytes", "builtins.bytes"})
_REBUILD = frozenset({"copy_reg._reconstructor", "copyreg._reconstructor"})
_SETS = frozenset({"__builtin__.set", "builtins.set", "__builtin__.frozenset", "builtins.frozenset"})
_PLAIN = frozenset({"numpy.ndarray", "numpy.dtype", "__builtin__.object", "builtins.object", _ENCODE})
_KNOWN = _SPARSE | _ARRAY | _SCALAR | _BYTES | _REBUILD | _SETS | _PLAIN
_CHUMPY = re.compile(r"chumpy(\.[A-Za-z_]\w*)+")
_NUMBER = re.compile(r"[<>=|]?([biuf][1248])")

_OPCODES: Mapping[str, pickletools.OpcodeInfo] = {opcode.code: opcode for opcode in pickletools.opcodes}
_MARK = object()
_CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
     "SHORT_BINBYTES", "BINBYTES8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "FLOAT", "BINFLOAT"}
)  # fmt: skip
"""Opcodes that push their own argument."""


@dataclass(eq=False)
class PickledObject:
    """What a pickle wanted built: never built."""

    of: str
    """Full name of the class or function, one of the known ones."""
    args: tuple[Any, ...]
    state: Any = None


@dataclass(frozen=True)
class _Name:
    """A class or function that the pickle named."""

    full: str


def read_pickle(path: Path) -> dict[str, Any]:
    """Read the dictionary pickled in `path`: any protocol, Python 2 strings as latin-1. Pass its values to `as_array`.

    Raises `InputError` for a file that is damaged, too large, not a dictionary, or names anything but numpy arrays,
    scipy.sparse matrices and chumpy objects: that name is in the message, and nothing has been run.
    """
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise InputError(
            f"{path.name}: expected at most {_MAX_FILE_BYTES >> 20} MiB, got {path.stat().st_size >> 20}; not a head model"
        )
    try:
        found = _Reader(path.read_bytes()).run()
    except InputError as exc:
        raise InputError(f"{path.name}: {exc}") from exc
    except (ValueError, IndexError, KeyError, OverflowError, TypeError, AttributeError) as exc:
        raise InputError(
            f"{path.name}: expected a pickled head model, got a damaged file ({exc}); get it anew from its source"
        ) from exc
    if type(found) is not dict or not all(type(key) is str for key in found):
        raise InputError(f"{path.name}: expected a dictionary of named arrays, got {type(found).__name__}; not a head model")
    return found


class _Reader:
    """The pickle machine: a stack, marks and a memo. Opcodes as documented in `pickletools`."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(_MAX_STEPS):
            code = self._file.read(1).decode("latin-1")
            if code not in _OPCODES:
                raise ValueError(f"unknown opcode {code!r}" if code else "it ends too early")
            opcode = _OPCODES[code]
            if opcode.name == "STOP":
                return self._stack.pop()
            if opcode.name == "STRING":
                argument: Any = self._read_quoted()
            else:
                argument = opcode.arg.reader(self._file) if opcode.arg else None
            if not (self._push(opcode.name, argument) or self._collect(opcode.name) or self._make(opcode.name, argument)):
                raise InputError(f"expected a plain pickle, got the instruction {opcode.name}; nothing was run")
        raise InputError(f"expected a head model, got a pickle of more than {_MAX_STEPS} steps")

    def _push(self, opcode: str, argument: Any) -> bool:
        """Literals, marks, the memo."""
        match opcode:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                self._stack.append(_MARK)
            case _ if opcode in _CONSTANTS:
                self._stack.append(_CONSTANTS[opcode])
            case _ if opcode in _LITERALS:
                self._stack.append(argument)
            case "GET" | "BINGET" | "LONG_BINGET":
                self._stack.append(self._memo[argument])
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self._stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = self._stack[-1]
            case "POP":
                self._stack.pop()
            case "POP_MARK":
                self._pop_mark()
            case "DUP":
                self._stack.append(self._stack[-1])
            case _:
                return False
        return True

    def _collect(self, opcode: str) -> bool:
        """Lists, tuples, dictionaries; sets are read as lists."""
        stack = self._stack
        match opcode:
            case "EMPTY_LIST" | "EMPTY_SET":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "EMPTY_DICT":
                stack.append({})
            case "LIST" | "FROZENSET":
                stack.append(self._pop_mark())
            case "TUPLE":
                stack.append(tuple(self._pop_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._pop_exactly(int(opcode[-1]))))
            case "DICT":
                pairs = self._pop_mark()
                stack.append({})
                self._set_items(pairs)
            case "APPEND":
                self._extend([stack.pop()])
            case "APPENDS" | "ADDITEMS":
                self._extend(self._pop_mark())
            case "SETITEM":
                self._set_items(self._pop_exactly(2))
            case "SETITEMS":
                self._set_items(self._pop_mark())
            case _:
                return False
        return True

    def _make(self, opcode: str, argument: Any) -> bool:
        """Names and the objects that would be built from them."""
        stack = self._stack
        match opcode:
            case "GLOBAL":
                stack.append(_known(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                stack.append(_known(*self._pop_exactly(2)))
            case "REDUCE" | "NEWOBJ":
                stack.append(_note(*self._pop_exactly(2)))
            case "INST":
                stack.append(_note(_known(*argument.split(" ", 1)), tuple(self._pop_mark())))
            case "OBJ":
                made, *args = self._pop_mark()
                stack.append(_note(made, tuple(args)))
            case "BUILD":
                state = stack.pop()
                if type(stack[-1]) is not PickledObject:
                    raise ValueError("a state without an object")
                stack[-1].state = state
            case _:
                return False
        return True

    def _read_quoted(self) -> str:
        """Python 2's escaped string; pickletools' own reader refuses bytes above 127."""
        text = self._file.readline().rstrip(b"\r\n")
        if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
            raise ValueError("a string without quotes")
        return codecs.escape_decode(text[1:-1])[0].decode("latin-1")

    def _pop_exactly(self, count: int) -> list[Any]:
        items = self._stack[-count:]
        if len(items) < count or any(item is _MARK for item in items):
            raise ValueError("too few values")
        del self._stack[-count:]
        return items

    def _pop_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _extend(self, items: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise ValueError("items without a list")
        self._stack[-1].extend(items)

    def _set_items(self, pairs: list[Any]) -> None:
        target = self._stack[-1]
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if type(target) is not dict or type(key) not in (str, int):  # hashing nested tuples can take for ever
                raise ValueError("a dictionary entry that is none")
            target[key] = value


def _known(module: Any, name: Any) -> _Name:
    """The name itself, if it may appear in a head model."""
    full = f"{module}.{name}"
    if type(module) is not str or type(name) is not str or not (full in _KNOWN or _CHUMPY.fullmatch(full)):
        raise InputError(
            f"expected numpy, scipy.sparse and chumpy data only, got '{full[:100]}'; nothing was run. "
            "Get the file anew from its source"
        )
    return _Name(full)


def _note(made: Any, args: Any) -> PickledObject:
    if type(made) is not _Name or type(args) is not tuple:
        raise ValueError("a call of what is no name")
    if made.full in _REBUILD:
        return _note(args[0], ())
    return PickledObject(made.full, args)


def as_array(value: Any, *, nesting: int = 0) -> np.ndarray:
    """Make the array of booleans, integers or floats that a pickled value stands for; sparse matrices become dense.

    chumpy's `Ch` gives its `x` and `reordering.Select` its selection; any other object raises `InputError` by its name.
    """
    if nesting > _MAX_NESTING:
        raise InputError("expected an array, got objects nested too deep")
    if type(value) in (bool, int, float):
        return np.asarray(value)
    if type(value) is not PickledObject:
        raise InputError(f"expected an array, got {type(value).__name__}")
    try:
        if value.of in _ARRAY:
            return _dense_array(value)
        if value.of in _SCALAR:
            return _numbers(value.args[0], value.args[1], ())
        if value.of in _SPARSE:
            return _sparse_array(value)
        if value.of == "chumpy.ch.Ch":
            return as_array(value.state["x"], nesting=nesting + 1)
        if value.of == "chumpy.reordering.Select":
            return _selection(value.state, nesting)
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as exc:
        raise InputError(f"expected an array, got a damaged {value.of} ({exc})") from exc
    raise InputError(f"expected an array, got a {value.of}, which cannot be evaluated")


def _dense_array(value: PickledObject) -> np.ndarray:
    """State of `numpy.ndarray`: version, shape, dtype, Fortran order, bytes."""
    if value.args[0] != _Name("numpy.ndarray"):
        raise InputError(f"expected a plain numpy array, got a subclass ({value.args[0]})")
    _, shape, dtype, fortran, data = value.state
    return _numbers(dtype, data, shape, order="F" if fortran else "C")


def _numbers(dtype: Any, data: Any, shape: Any, *, order: Any = "C") -> np.ndarray:
    kind, raw = _dtype(dtype), _raw(data)
    if type(shape) is not tuple or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("a shape that is none")
    if math.prod(shape) * kind.itemsize != len(raw):
        raise ValueError(f"{len(raw)} bytes for shape {shape} of {kind}")
    return np.frombuffer(raw, kind).reshape(shape, order=order)


def _dtype(value: Any) -> np.dtype[Any]:
    """`numpy.dtype(code)` with state (version, byte order, no sub-array, no names, no fields, ...)."""
    if type(value) is not PickledObject or value.of != "numpy.dtype":
        raise ValueError("a dtype that is none")
    code = _NUMBER.fullmatch(str(value.args[0]))
    if code is None:
        raise InputError(f"expected numbers, got an array of {str(value.args[0])[:20]!r}")
    if value.state is None:
        return np.dtype(code[1])
    order, parts = value.state[1], value.state[2:5]
    if order not in ("<", ">", "=", "|") or any(part is not None for part in parts):
        raise ValueError("a dtype with parts")
    return np.dtype(code[1]) if order == "|" else np.dtype(order + code[1])


def _raw(value: Any) -> bytes:
    """Bytes however they were pickled: Python 2 strings and Python 3's detour over `_codecs.encode` hold them as latin-1."""
    if type(value) is PickledObject and value.of == _ENCODE and value.args[1:] == ("latin1",):
        value = value.args[0]
    if type(value) is PickledObject and value.of in _BYTES and value.args == ():
        return b""
    if type(value) is str:
        return value.encode("latin-1")
    if type(value) is not bytes:
        raise ValueError("no bytes")
    return value


def _sparse_array(value: PickledObject) -> np.ndarray:
    """State of scipy's matrices: shape, and data with either its coordinates or compressed indices."""
    kind = value.of.rpartition(".")[2]
    state = value.state
    shape = tuple(state["_shape"])
    if len(shape) != 2 or not all(type(size) is int and size >= 0 for size in shape) or math.prod(shape) > _MAX_ELEMENTS:
        raise ValueError(f"shape {shape}")
    if kind == "coo_matrix":
        row, column = (as_array(axis) for axis in state.get("coords", (state.get("row"), state.get("col"))))
        return np.asarray(scipy.sparse.coo_matrix((as_array(state["data"]), (row, column)), shape).toarray())
    parts = tuple(as_array(state[part]) for part in ("data", "indices", "indptr"))
    matrix = {"csc_matrix": scipy.sparse.csc_matrix, "csr_matrix": scipy.sparse.csr_matrix}[kind](parts, shape)
    matrix.check_format(full_check=True)  # toarray trusts the indices
    return np.asarray(matrix.toarray())


def _selection(state: Any, nesting: int) -> np.ndarray:
    """chumpy.reordering.Select: `a.ravel()[idxs]`, in `preferred_shape` where it has one."""
    whole, indices = (as_array(state[part], nesting=nesting + 1) for part in ("a", "idxs"))
    chosen = whole.ravel()[indices]
    return chosen.reshape(state["preferred_shape"]) if state.get("preferred_shape") is not None else chosen
