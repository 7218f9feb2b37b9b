"""The hash that names a head: coefficients only have meaning on the head they were made for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["content_hash"]


def content_hash(arrays: Mapping[str, np.ndarray], names: Sequence[str]) -> str:
    """First 16 hex digits of the SHA-256 over named arrays and axis names.

    Independent of the mapping's order and of the arrays' byte order and memory layout. float32 and float64 of the same numbers
    differ.
    """
    digest = hashlib.sha256()
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{key}\0{array.dtype.kind}{array.dtype.itemsize}{array.shape}\0".encode())
        digest.update(array.tobytes())
    for name in names:
        digest.update(f"{name}\0".encode())
    return digest.hexdigest()[:16]
