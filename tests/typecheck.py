"""The type checker that jaxtyping's import hook uses while the tests run."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

__all__ = ["check"]

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""beartype, except that an int will do for a float (PEP 484), as for the type checker that reads the code."""
