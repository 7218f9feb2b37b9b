"""The container of binary glTF 2.0: a JSON chunk, a binary chunk, and accessors that say where arrays lie in it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from loki_core.errors import InputError
from loki_core.files import replacing

__all__ = ["ARRAY_BUFFER", "ELEMENT_BUFFER", "GlbReader", "GlbWriter"]

ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963
"""bufferView targets: vertices, indices."""

_MAGIC, _VERSION, _JSON, _BIN = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_MAX_BYTES = 1 << 29
_COMPONENTS: Mapping[int, str] = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_CODES = {dtype: code for code, dtype in _COMPONENTS.items()}
_WIDTHS: Mapping[str, int] = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class GlbWriter:
    """Gathers arrays into one buffer, then writes the file."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._length = 0
        self._views: list[dict[str, int]] = []
        self._accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, kind: str, *, target: int | None = None) -> int:
        """Put an array (N, width of `kind`) into the buffer and return its accessor's index.

        `kind` is SCALAR, VEC3 and so on; `target` None for what is no vertex or index. Bounds are written for every accessor:
        positions and key times must have them. Rows must fill multiples of four bytes for vertices, as the format asks.
        """
        rows = np.ascontiguousarray(array.reshape(-1, _WIDTHS[kind]))
        dtype = rows.dtype.newbyteorder("<").str.replace("|", "<")
        data = rows.astype(dtype).tobytes()
        view = {"buffer": 0, "byteOffset": self._length, "byteLength": len(data)}
        self._views.append(view if target is None else {**view, "target": target})
        padding = -len(data) % 4
        self._chunks.append(data + bytes(padding))
        self._length += len(data) + padding
        bounds = {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        place = {"bufferView": len(self._views) - 1, "componentType": _CODES[dtype], "count": len(rows), "type": kind}
        self._accessors.append(place | bounds)
        return len(self._accessors) - 1

    def write(self, path: Path, document: Mapping[str, Any]) -> None:
        """Write `document` (scenes, nodes, meshes...) with the arrays, whole or not at all."""
        whole = {
            **document,
            "buffers": [{"byteLength": self._length}],
            "bufferViews": self._views,
            "accessors": self._accessors,
        }
        text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + self._length
        with replacing(path) as file:
            file.write(struct.pack("<III", _MAGIC, _VERSION, total))
            file.write(struct.pack("<II", len(text), _JSON) + text)
            file.write(struct.pack("<II", self._length, _BIN))
            file.writelines(self._chunks)


class GlbReader:
    """One .glb file, its JSON checked to be JSON and each array checked when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Raises `InputError` for what is no binary glTF 2.0 file."""
        self._name = path.name
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise self.wrong(f"a file of at most {_MAX_BYTES >> 20} MiB", f"{size >> 20} MiB")
        data = path.read_bytes()
        if len(data) < 20 or struct.unpack_from("<II", data) != (_MAGIC, _VERSION):
            raise self.wrong("binary glTF 2.0 (.glb)", "something else")
        length, kind = struct.unpack_from("<II", data, 12)
        if kind != _JSON or 20 + length > len(data):
            raise self.wrong("a JSON chunk first", "a damaged file")
        try:
            document = json.loads(data[20 : 20 + length])
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as exc:
            raise self.wrong("JSON in its first chunk", str(exc)) from exc
        if not isinstance(document, dict):
            raise self.wrong("an object in its JSON chunk", type(document).__name__)
        self.document: dict[str, Any] = document
        rest = data[20 + length :]
        self._binary = rest[8 : 8 + struct.unpack_from("<I", rest)[0]] if len(rest) >= 8 else b""

    def wrong(self, expected: str, got: str) -> InputError:
        """The error to raise about this file."""
        return InputError(f"{self._name}: expected {expected}, got {got}; export it again as binary glTF")

    def item(self, collection: str, index: object) -> dict[str, Any]:
        """`collection[index]` of the document, such as a node or a mesh. Raises `InputError` where there is none."""
        found = self.document.get(collection)
        if not isinstance(found, list) or not isinstance(index, int) or not 0 <= index < len(found):
            raise self.wrong(f"number {index!r:.20} among '{collection}'", "none")
        if not isinstance(found[index], dict):
            raise self.wrong(f"an object as number {index} of '{collection}'", type(found[index]).__name__)
        return dict(found[index])

    def array(self, index: object) -> np.ndarray:
        """An accessor's values as float64 (count, width); normalised integers as shares."""
        accessor = self.item("accessors", index)
        if "sparse" in accessor:
            raise self.wrong("plain accessors", "a sparse one")
        dtype, width, count = _COMPONENTS.get(accessor["componentType"]), _WIDTHS.get(accessor["type"]), accessor["count"]
        view = self.item("bufferViews", accessor.get("bufferView"))
        numbers = (count, view["byteLength"], view.get("byteOffset", 0), accessor.get("byteOffset", 0), view.get("byteStride", 0))
        if dtype is None or width is None or view.get("buffer") != 0 or not all(isinstance(n, int) and n >= 0 for n in numbers):
            raise self.wrong(f"an accessor of numbers in the file's own buffer as number {index}", "another")
        start, row = numbers[2] + numbers[3], np.dtype(dtype).itemsize * width
        stride = numbers[4] or row
        end = start + max(count - 1, 0) * stride + row * (count > 0)
        if end > min(len(self._binary), numbers[2] + numbers[1]) or stride < row:
            raise self.wrong(f"{end} bytes for accessor {index}", f"{len(self._binary)}")
        rows = np.ndarray((count, width), dtype, self._binary, start, (stride, np.dtype(dtype).itemsize)).astype(np.float64)
        if not np.isfinite(rows).all():
            raise self.wrong(f"finite numbers in accessor {index}", "others")
        scale = np.iinfo(dtype).max if accessor.get("normalized") and np.dtype(dtype).kind in "iu" else 1
        return rows / scale
