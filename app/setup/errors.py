"""What stops the set-up."""

from __future__ import annotations

__all__ = ["SetupError"]


class SetupError(Exception):
    """Something this machine lacks; the message is one sentence and ends in the line that mends it."""
