from __future__ import annotations

import sys

import pytest
import torch

from loki_core.raster.camera import Camera
from loki_core.raster.window import show_in_window


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_without_a_screen_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(RuntimeError, match="no screen"):
        show_in_window(torch.zeros(3, 3), torch.tensor([[0, 1, 2]]), torch.zeros(3, 3, dtype=torch.uint8), CAMERA, title="head")


CAMERA = Camera(focal=64, cx=32, cy=32, width=64, height=64)
