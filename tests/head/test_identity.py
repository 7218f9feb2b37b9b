from __future__ import annotations

import numpy as np

from loki_core.head.identity import content_hash


def test_hash_is_sixteen_hex_digits_and_ignores_order_and_layout() -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.array([1, 2])
    first = content_hash({"a": a, "b": b}, ["x"])
    assert len(first) == 16 and int(first, 16) >= 0
    assert first == content_hash({"b": b, "a": np.asfortranarray(a)}, ["x"])
    assert first == content_hash({"a": a.astype(">f8"), "b": b}, ["x"])


def test_hash_changes_with_value_shape_key_or_name() -> None:
    a = np.arange(6.0)
    variants = [
        content_hash({"a": a}, ["x"]),
        content_hash({"a": a + 1e-9}, ["x"]),
        content_hash({"a": a.reshape(2, 3)}, ["x"]),
        content_hash({"c": a}, ["x"]),
        content_hash({"a": a}, ["y"]),
        content_hash({"a": a}, ["x", ""]),
    ]
    assert len(set(variants)) == len(variants)
