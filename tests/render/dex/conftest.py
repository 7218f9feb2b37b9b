"""A random network for the face's head that sees 16 pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from loki_core.dex.pipeline import DexPipeline
from tests.dex.saved import make_tiny_dex, save_tiny_dex
from tests.track.faces import HEAD


@pytest.fixture
def pipeline() -> DexPipeline:
    return make_tiny_dex()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The network's weights in the user's own place."""
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path / "weights"))
    return save_tiny_dex(tmp_path / "weights" / "dex" / "mini", HEAD)
