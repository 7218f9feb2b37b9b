"""Configurations survive JSON and refuse what they do not know."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from loki_core.diffusion.configs import PRESETS, LokiConfig, preset
from loki_core.errors import InputError


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_json(name):
    config = preset(name)
    assert LokiConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_an_unknown_key_is_named():
    values = preset("mini").to_dict()
    values["unet"]["depth"] = 3
    with pytest.raises(InputError, match=r"config.unet: expected only .* got depth"):
        LokiConfig.from_dict(values)


def test_a_missing_key_is_named():
    values = preset("mini").to_dict()
    del values["frames"]
    with pytest.raises(InputError, match="frames"):
        LokiConfig.from_dict(values)


@pytest.mark.parametrize(
    ("path", "value"),
    [("frames", "16"), ("frames", True), ("name", 3), ("schedule.snr_ratio", None), ("schedule.prediction", "x0")],
)
def test_a_value_of_another_kind_is_named(path, value):
    values = preset("mini").to_dict()
    *folders, name = path.split(".")
    place = values
    for folder in folders:
        place = place[folder]
    place[name] = value
    with pytest.raises(InputError, match=path):
        LokiConfig.from_dict(values)


def test_sizes_that_do_not_meet_are_refused():
    mini = preset("mini")
    with pytest.raises(ValueError, match="encoder"):
        replace(mini, latent_scale=4)
    with pytest.raises(ValueError, match="image size"):
        replace(mini, image_size=60)
    with pytest.raises(ValueError, match="widths"):
        replace(mini, unet=replace(mini.unet, widths=(64, 128)))


def test_epsilon_needs_signal_at_the_last_level():
    mini = preset("mini")
    with pytest.raises(ValueError, match="max_beta"):
        replace(mini, schedule=replace(mini.schedule, prediction="epsilon"))


def test_an_unknown_preset_is_refused():
    with pytest.raises(InputError, match="sd21, mini"):
        preset("large")
