"""`train --preset dex-mapping-mini`: what DeX-Portrait's encoders would say of coefficients, fitted and measured."""

from __future__ import annotations

import argparse

from app.commands.material import bar
from loki_core.errors import InputError

__all__ = ["MAPPING_PRESET", "fit"]

MAPPING_PRESET = "dex-mapping-mini"
_MEASURED = 48
"""Held-out people that a mapping is measured on; each is warped as well, which takes most of a second."""


def fit(arguments: argparse.Namespace) -> int:
    from loki_core.dex.mapping import MAPPING_FOLDER, save_mapping
    from loki_core.dex.saved import read_dex
    from loki_core.head.embedded import embedded_head
    from loki_core.training.dex_mapping import fit_mapping
    from loki_core.training.dex_told import measure_told

    given = ("out", "batch", "base", "motion", "without", "coefficients", "data", "resume")
    if others := [name for name in given if getattr(arguments, name)]:
        raise InputError(f"expected only --network with the preset {MAPPING_PRESET}, got --{others[0]}; leave it out")
    if arguments.network is None:
        raise InputError("expected --network with a folder of dex-mini's weights, got none; train --preset dex-mini first")
    head, motion = embedded_head(), read_dex(arguments.network)[0].motion
    with bar("Fitting", unit="person", logged=True) as report:
        mapping = fit_mapping(motion, head, progress=report)
    save_mapping(mapping, arguments.network / MAPPING_FOLDER)
    print(f"Mapping: {arguments.network / MAPPING_FOLDER}")
    print("Squared distance to what the true pictures of people unmet say (0: none, 1: that of a portrait which does not move)")
    for name, errors in zip(("expression", "pose"), measure_told(motion, mapping, head, people=_MEASURED), strict=True):
        print(f"  {name}: told by coefficients {errors.coefficients:.3f}, by the warped portrait {errors.warp:.3f}")
    return 0
