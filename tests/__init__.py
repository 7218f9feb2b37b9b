"""The tests, in folders that mirror `loki_core` and `app`."""

from tests import typecheck  # jaxtyping's import hook looks it up as an attribute of this package

__all__ = ["typecheck"]
