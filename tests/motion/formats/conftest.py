from __future__ import annotations

import pytest

from loki_core.head.embedded import embedded_head
from loki_core.head.model import HeadModel
from loki_core.head.units import UnitBasis, unit_basis


@pytest.fixture(scope="session")
def embedded() -> HeadModel:
    return embedded_head()


@pytest.fixture(scope="session")
def embedded_units(embedded: HeadModel) -> UnitBasis:
    return unit_basis(embedded, embedded)
