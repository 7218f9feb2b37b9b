from __future__ import annotations

import pytest

from loki_core.head.model import HeadModel
from tests.motion.tracks import tiny_head


@pytest.fixture
def head() -> HeadModel:
    return tiny_head()
