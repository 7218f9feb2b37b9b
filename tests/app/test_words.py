"""Two languages, one set of keys."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest

from app.words import _WORDS, LANGUAGES, PAGE_WORDS, name_in, say, speaking
from app.words_zh import DATA_ZH, WORDS_ZH
from loki_core.head.controls import CONTROLS, LATENT_CONTROLS
from loki_core.motion.dictionary import motion_directions
from loki_core.motion.presets import EXPRESSIONS, MOTIONS
from loki_core.project.templates import TEMPLATES
from loki_core.render.kinds import RENDERERS

PRESETS = [path for folder in (EXPRESSIONS, MOTIONS, TEMPLATES) for path in sorted(folder.glob("*.json"))]


def placeholders(words: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(words) if name is not None)


def test_every_key_is_in_both_languages():
    assert sorted(WORDS_ZH) == sorted(_WORDS)
    assert set(PAGE_WORDS) <= set(_WORDS)


@pytest.mark.parametrize("key", sorted(_WORDS))
def test_what_is_filled_in_is_the_same_in_both(key: str):
    assert WORDS_ZH[key].strip() and placeholders(WORDS_ZH[key]) == placeholders(_WORDS[key])


def test_controls_have_names_and_help_in_both():
    shown = {word for c in CONTROLS for word in (c.label, c.help, c.label.removesuffix(f", {c.side}"))}
    assert sorted(shown - set(DATA_ZH)) == []


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_presets_and_templates_have_names_in_both(path: Path):
    preset = json.loads(path.read_text(encoding="utf-8"))
    assert {preset["label"], preset.get("help", preset["label"])} <= set(DATA_ZH)


def test_renderers_and_directions_have_words_in_both():
    kinds = list(RENDERERS.values())
    shown = {word for kind in kinds for word in (kind.label, kind.help, kind.licence)}
    settings = [setting for kind in kinds for setting in kind.settings]
    shown |= {word for setting in settings for word in (setting.label, setting.help)}
    shown |= {word for setting in settings for _, word in setting.choices}
    shown |= {direction.label for direction in motion_directions()}
    shown |= {word for c in LATENT_CONTROLS for word in (c.label, c.help)}
    assert sorted(shown - set(DATA_ZH)) == []


def test_names_that_a_user_gave_stay_as_they_are():
    with speaking("zh"):
        assert name_in("Smile") == "微笑" and name_in("My own face") == "My own face"
    assert name_in("Smile") == "Smile"


def test_the_language_spoken_ends_with_its_block_and_an_unknown_one_is_english():
    with speaking("zh"):
        assert say("language") == "语言"
        with speaking("tlh"):
            assert say("language") == "Language"
        with speaking(None):
            assert say("language") == "Language"
        assert say("language") == "语言"
    assert say("language") == "Language" and next(iter(LANGUAGES)) == "en"
