"""A network that is small enough for tests."""

from __future__ import annotations

import pytest

from loki_core.diffusion.configs import LokiConfig
from loki_core.diffusion.network import LokiNetwork
from tests.diffusion.tiny import make_tiny, tiny


@pytest.fixture(scope="session")
def tiny_config() -> LokiConfig:
    return tiny()


@pytest.fixture
def tiny_network(tiny_config: LokiConfig) -> LokiNetwork:
    return make_tiny(tiny_config)
