"""LIA-X among the renderers."""

from __future__ import annotations

import pytest
import torch

from loki_core.errors import InputError
from loki_core.lia_x.generator import Generator, LiaXConfig
from loki_core.render.kinds import renderer_kind
from loki_core.render.lia_x.renderer import LiaXRenderer, LiaXSettings
from loki_core.render.registry import Renderers


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path))
    return tmp_path


def test_without_weights_it_says_where_they_go_and_under_which_licence(weights, tiny_head):
    with pytest.raises(InputError, match=r"found none; .* \(research and evaluation only\) and run: python launch.py weights"):
        Renderers(tiny_head).get("lia-x")
    assert "no commercial use" in renderer_kind("lia-x").licence


def test_with_weights_it_is_loaded_once_and_set_as_asked(weights, tiny_head):
    torch.manual_seed(0)
    torch.save(Generator(LiaXConfig(scale=1 / 64, motion_dim=5, size=32)).state_dict(), weights / "lia-x.pt")
    renderers = Renderers(tiny_head)
    one, other = renderers.get("lia-x"), renderers.get("lia-x", {"drive": "clip", "motion": "absolute", "stretch": True})
    assert isinstance(one, LiaXRenderer) and isinstance(other, LiaXRenderer)
    assert one.settings == LiaXSettings() and other.settings == LiaXSettings("clip", "absolute", stretch=True)
    assert one.animator is other.animator and one.directions == 5
    assert one.signature != other.signature and "lia-x.pt" in one.signature
