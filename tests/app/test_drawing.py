"""The command line's choice of a renderer."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import build_parser
from app.commands.drawing import renderer_of
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.render.dex.options import DEX_SETTINGS
from loki_core.render.kinds import RENDERERS
from tests.dex.saved import save_tiny_dex


def chosen(*options: str):
    arguments = build_parser().parse_args(["still", "--portrait", "a.png", "--out", "b.png", *options])
    return renderer_of(arguments, embedded_head())


def test_without_a_word_the_warp_draws():
    assert chosen().name == "warp" and chosen("--renderer", "warp").name == "warp"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--renderer", "oil"), r"expected a renderer \(warp, .*\), got 'oil'"),
        (("--steps", "3"), "got 'steps'"),
        (("--renderer", "loki", "--steps", "0"), "a whole number from 1 to 200 for 'steps', got 0"),
        (("--renderer", "loki", "--stretch"), "got 'stretch'"),
        (("--renderer", "loki", "--preset", "sd21"), "expected weights of the preset sd21"),
        (("--renderer", "lia-x"), "expected the LIA-X weights"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    options: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path))
    with pytest.raises(InputError, match=words):
        chosen(*options)


@pytest.mark.parametrize("command", ["animate", "still"])
def test_every_setting_of_every_renderer_is_an_option(command: str):
    needed = [] if command == "animate" else ["--portrait", "a.png", "--out", "b.png"]
    arguments = build_parser().parse_args([command, *needed])
    assert all(hasattr(arguments, f"render_{s.name}") for kind in RENDERERS.values() for s in kind.settings)


def test_a_setting_that_two_renderers_have_is_one_option_for_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path))
    save_tiny_dex(tmp_path / "dex" / "mini", embedded_head())
    made = chosen("--renderer", "dex", "--steps", "7", "--told", "warp")
    assert made.name == "dex" and "steps=7" in made.signature and "told='warp'" in made.signature


def test_an_option_of_several_renderers_says_where_its_default_is_another(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["animate", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "small networks gain nothing by them, sd21 was made for 50. (default: 10)" in words
    steps = next(each.default for each in DEX_SETTINGS if each.name == "steps")
    assert f"--steps (default: {steps}), --guidance-motion, " in words
