"""The page's words in Chinese: the same keys and `{names}` as in app/words.py."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["DATA_ZH", "WORDS_ZH"]

WORDS_ZH: Mapping[str, str] = MappingProxyType(
    {
        "language": "语言",
    }
)

DATA_ZH: Mapping[str, str] = MappingProxyType({})
"""Names and help texts that come from the core's table of controls and from presets, by their English words."""
