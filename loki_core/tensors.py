"""Weights that came from outside against what a network expects."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from loki_core.errors import InputError

__all__ = ["check_tensors"]

_SHOWN = 3
"""Differences that are named; the rest are counted."""


def check_tensors(expected: Mapping[str, Tensor], got: Mapping[str, Tensor], where: str, model: str) -> None:
    """Raise `InputError` that names the first tensors that are missing, unknown, of another shape or not finite.

    `where`: the file; `model`: whose tensors they should be.
    """
    problems = [f"{name} is missing" for name in expected if name not in got]
    problems += [f"{name} is not known" for name in got if name not in expected]
    problems += [
        f"{name} has shape {tuple(got[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in got and got[name].shape != tensor.shape
    ]
    problems += [f"{name} holds {t.dtype} or values that are not finite" for name, t in got.items() if not _sound(t)]
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(
            f"{where}: expected the {len(expected)} tensors of {model}, got a file in which "
            f"{'; '.join(problems[:_SHOWN])}{more}; use weights of this model"
        )


def _sound(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and bool(tensor.isfinite().all())
