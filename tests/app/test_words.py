"""Two languages, one set of keys."""

from __future__ import annotations

from app.words import say, speaking


def test_the_language_spoken_ends_with_its_block_and_an_unknown_one_is_english():
    with speaking("zh"):
        assert say("language") == "语言"
        with speaking("tlh"):
            assert say("language") == "Language"
        with speaking(None):
            assert say("language") == "Language"
        assert say("language") == "语言"
    assert say("language") == "Language"
