"""A random network for the face's head that sees 16 pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from loki_core.diffusion.pipeline import LokiPipeline
from tests.diffusion.tiny import make_tiny, save_tiny, tiny
from tests.track.faces import HEAD


@pytest.fixture
def pipeline() -> LokiPipeline:
    return LokiPipeline.build(make_tiny(tiny()), HEAD.id)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The network's weights in the place of the user's own of the preset mini."""
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path / "weights"))
    return save_tiny(tmp_path / "weights" / "loki" / "mini")
