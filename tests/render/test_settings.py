"""Settings as data: what they let through, what is kept of them, and the table of renderers."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.render.base import Renderer
from loki_core.render.kinds import DEFAULT_RENDERER, RENDERERS, check_choice, renderer_kind
from loki_core.render.registry import Renderers, make_renderer
from loki_core.render.settings import Setting, complete, stored

STEPS = Setting("steps", "Steps", "whole", 20, minimum=1, maximum=100)
SHARE = Setting("share", "Share", "number", 0.5)
HALF = Setting("half", "Half", "switch", False)
SIZE = Setting("size", "Size", "choice", "small", choices=(("small", "Small"), ("large", "Large")))
ALL = (STEPS, SHARE, HALF, SIZE)


def test_what_is_not_given_is_at_its_default():
    assert complete(ALL, {"steps": 5}) == {"steps": 5, "share": 0.5, "half": False, "size": "small"}


def test_only_what_differs_from_the_default_is_kept_in_order_of_name():
    assert stored(ALL, {"steps": 5, "share": 0.5, "half": True}) == (("half", True), ("steps", 5))
    assert stored(ALL, {}) == ()


def test_a_number_may_come_as_a_whole_one_and_a_whole_one_as_a_float():
    assert repr(STEPS.check(7.0)) == "7" and repr(SHARE.check(1)) == "1.0"


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        (STEPS, 0, "a whole number from 1 to 100 for 'steps', got 0"),
        (STEPS, 2.5, "a whole number"),
        (STEPS, True, "a whole number"),
        (STEPS, "5", "a whole number"),
        (SHARE, float("nan"), "a number from 0 to 1"),
        (SHARE, 1.01, "a number from 0 to 1"),
        (SHARE, None, "a number"),
        (HALF, 1, "yes or no for 'half', got 1"),
        (SIZE, "huge", "one of small, large for 'size', got 'huge'"),
    ],
)
def test_other_values_are_refused_by_name(setting: Setting, value: object, words: str):
    with pytest.raises(InputError, match=words):
        complete((setting,), {setting.name: value})


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(InputError, match="settings steps, share, half, size, got 'tempo'"):
        complete(ALL, {"tempo": 3})


@pytest.mark.parametrize("key", RENDERERS)
def test_each_renderer_says_what_it_is_and_its_defaults_are_allowed(key: str):
    kind = renderer_kind(key)
    assert kind.key == key and kind.label and kind.help.endswith(".") and kind.licence.endswith(".")
    assert stored(kind.settings, {setting.name: setting.check(setting.default) for setting in kind.settings}) == ()
    assert all(setting.label and setting.help.endswith(".") for setting in kind.settings)
    check_choice(key, ())


def test_settings_of_one_name_are_one_setting_but_for_the_default():
    every = [setting for kind in RENDERERS.values() for setting in kind.settings]
    alike = {replace(setting, default=0) for setting in every}
    assert len(alike) == len({setting.name for setting in every})  # each is an option of the command line


def test_the_table_needs_the_standard_library_alone():
    code = "import sys; import loki_core.render.kinds; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-S", "-c", code], check=False).returncode == 0


def test_a_renderer_is_built_once_and_kept():
    renderers = Renderers(embedded_head())
    made = renderers.get(DEFAULT_RENDERER)
    assert isinstance(made, Renderer) and renderers.get(DEFAULT_RENDERER, {}) is made


def test_an_unknown_renderer_is_refused_by_name():
    with pytest.raises(InputError, match=r"expected a renderer \(warp.*\), got 'oil'"):
        make_renderer("oil", embedded_head())
    with pytest.raises(InputError, match="got 'oil'"):
        check_choice("oil", ())
