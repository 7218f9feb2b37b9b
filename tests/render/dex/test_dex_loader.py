"""Weights and mapping found, loaded once, and refused by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from loki_core.dex.mapping import save_mapping
from loki_core.errors import InputError
from loki_core.head.params import FlameParams
from loki_core.render.base import Portrait
from loki_core.render.dex.weights import find_dex, lacking_dex
from loki_core.render.registry import Renderers
from tests.dex.saved import tiny_mapping
from tests.diffusion.tiny import save_tiny
from tests.render.damaged import cut_off, of_another_architecture, pickled
from tests.track.faces import HEAD


def test_the_users_own_weights_come_first(weights: Path):
    assert find_dex() == weights and lacking_dex({"told": "coefficients"}) is None


def test_without_weights_a_sentence_says_where_they_go_and_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("loki_core.render.diffused.weights._SHIPPED", tmp_path / "presets")
    lacking = lacking_dex({"told": "warp"})
    assert lacking is not None and str(tmp_path / "dex" / "mini") in lacking and "weights dex --put" in lacking
    with pytest.raises(InputError, match="expected weights of DeX-Portrait"):
        Renderers(HEAD).get("dex")


def test_without_a_mapping_only_the_coefficients_are_refused(weights: Path):
    shutil.rmtree(weights / "mapping")
    assert "dex-mapping-mini" in str(lacking_dex({"told": "coefficients"}))
    assert lacking_dex({"told": "warp"}) is None
    with pytest.raises(InputError, match="expected a mapping of coefficients"):
        Renderers(HEAD).get("dex")
    assert Renderers(HEAD).get("dex", {"told": "warp"}).name == "dex"


def test_the_network_is_loaded_once_for_all_settings(weights: Path):
    renderers = Renderers(HEAD)
    one, other = (renderers.get("dex", {"steps": steps}) for steps in (2, 3))
    assert one._source is other._source and one.signature != other.signature  # type: ignore[attr-defined]


def test_settings_reach_the_sampler(weights: Path):
    made = Renderers(HEAD).get("dex", {"steps": 15, "seed": 3, "progressive": 5, "detail": 0.25, "told": "warp"})
    settings = made._settings  # type: ignore[attr-defined]
    assert (settings.sampler.steps, settings.sampler.seed, settings.detail, settings.told) == (15, 3, 0.25, "warp")
    assert settings.sampler.guidance.progressive == 5


def test_a_mapping_that_is_fitted_anew_is_read_anew(weights: Path):
    renderers = Renderers(HEAD)
    before = renderers.get("dex").signature
    save_mapping(tiny_mapping(HEAD, "others"), weights / "mapping")
    assert renderers.get("dex").signature != before


def _foreign(place: Path) -> None:
    save_tiny(place)


def _cut_off_mapping(place: Path) -> None:
    path = place / "mapping" / "mapping.safetensors"
    path.write_bytes(path.read_bytes()[:-40])


def _of_other_weights(place: Path) -> None:
    save_mapping(tiny_mapping(HEAD, "others"), place / "mapping")


def first_frame(portrait: Portrait, frames: FlameParams) -> np.ndarray:
    made = Renderers(HEAD).get("dex")
    return next(iter(made.render(made.prepare(portrait), frames[:1])))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_foreign, "expected a DexPipeline, got LokiPipeline"),
        (of_another_architecture, "architecture 'tiny'"),
        (cut_off, "damaged or foreign"),
        (pickled, "a pickle, which may run code"),
        (_cut_off_mapping, "mapping.safetensors: expected safetensors, got a damaged"),
        (_of_other_weights, "got one for others"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_by_name(weights: Path, portrait, frames, spoil, words: str):
    spoil(weights)
    with pytest.raises(InputError, match=words):
        first_frame(portrait, frames)
