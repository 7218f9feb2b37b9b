"""Weights found, loaded once, and refused by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from loki_core.diffusion.configs import ablated
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.errors import InputError
from loki_core.head.model import HeadId
from loki_core.render.diffused.source import Placing, hash_weights
from loki_core.render.kinds import renderer_kind
from loki_core.render.loki.loader import LokiLoader, settings_of
from loki_core.render.loki.source import place
from loki_core.render.loki.weights import find_loki, lacking_loki
from loki_core.render.registry import Renderers
from loki_core.render.settings import complete
from tests.diffusion.tiny import make_tiny, tiny
from tests.render.damaged import cut_off, of_another_architecture, pickled
from tests.track.faces import HEAD


def test_the_users_own_weights_come_first(weights):
    assert find_loki("mini") == weights


def test_without_weights_a_sentence_says_where_they_go_and_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path))
    lacking = lacking_loki({"preset": "sd21"})
    assert lacking is not None and str(tmp_path / "loki" / "sd21") in lacking and "weights loki --put" in lacking
    with pytest.raises(InputError, match="expected weights of the preset sd21"):
        Renderers(HEAD).get("loki", {"preset": "sd21"})


def test_settings_reach_the_sampler():
    values = complete(
        renderer_kind("loki").settings,
        {"steps": 7, "seed": 3, "guidance_motion": 3, "guidance_identity": 1.5, "window": 8, "detail": 0.25},
    )
    settings = settings_of(values)
    assert (settings.sampler.steps, settings.sampler.seed, settings.sampler.window, settings.detail) == (7, 3, 8, 0.25)
    assert (settings.sampler.guidance.motion, settings.sampler.guidance.identity) == (3.0, 1.5)


def test_the_network_is_loaded_once_for_all_settings(weights):
    renderers = Renderers(HEAD)
    one, other = (renderers.get("loki", {"steps": steps}) for steps in (2, 3))
    assert one._source is other._source and one.signature != other.signature  # type: ignore[attr-defined]


def test_other_weights_have_another_hash(weights, pipeline, tmp_path: Path):
    shutil.copytree(weights, tmp_path / "same")
    with torch.no_grad():
        next(pipeline.network.parameters()).add_(0.1)
    pipeline.save_pretrained(tmp_path / "other")
    assert hash_weights(weights) == hash_weights(tmp_path / "same") != hash_weights(tmp_path / "other")


def _of_another_head(place: Path) -> None:
    LokiPipeline.build(LokiPipeline.from_pretrained(place).network, HeadId("large", "ffff")).save_pretrained(place)


def _of_numbers(place: Path) -> None:
    LokiPipeline.build(make_tiny(ablated(tiny(), "vector", numbers=70)), HEAD.id).save_pretrained(place)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_of_numbers, "got 'tiny-vector', which reads a vector"),
        (_of_another_head, "got those for 'large'"),
        (of_another_architecture, "architecture 'tiny'"),
        (cut_off, "damaged or foreign"),
        (pickled, "a pickle, which may run code"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_by_name(weights, portrait, spoil, words: str):
    spoil(weights)
    with pytest.raises(InputError, match=words):
        Renderers(HEAD).get("loki", {}).prepare(portrait)


def test_weights_that_are_put_anew_are_read_anew(weights, pipeline):
    renderers = Renderers(HEAD)
    before = renderers.get("loki").signature
    with torch.no_grad():
        next(pipeline.network.parameters()).add_(0.1)
    shutil.rmtree(weights)
    pipeline.save_pretrained(weights)
    assert renderers.get("loki").signature != before


@pytest.mark.parametrize("name", ["offload", "compiled"])
def test_what_needs_a_gpu_is_refused_without_one(weights, name: str):
    with pytest.raises(InputError, match="expected a CUDA GPU"):
        LokiLoader(HEAD, torch.device("cpu"))(complete(renderer_kind("loki").settings, {name: True}))


def test_a_network_is_compiled_where_that_is_asked(pipeline):
    place(pipeline, torch.device("cpu"), Placing())
    assert pipeline.network.generation._compiled_call_impl is None
    place(pipeline, torch.device("cpu"), Placing(offload=True, compiled=True))
    assert pipeline.network.generation._compiled_call_impl is not None
    assert hasattr(pipeline.network.reference, "_hf_hook")


def test_too_few_steps_for_the_pose_to_come_first_are_refused_in_a_sentence(weights):
    with pytest.raises(InputError, match="expected more than 10 steps, got 10"):
        Renderers(HEAD).get("loki", {"progressive": 5})
