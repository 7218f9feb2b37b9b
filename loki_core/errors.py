"""What the core raises when the user's own material is the cause."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(ValueError):
    """What the user gave cannot be used; the message says what was expected, what came, and the way out."""
