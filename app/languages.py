"""The page in other languages: what in it reads differently, so that the browser can choose before it draws."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import gradio as gr

from app.words import LANGUAGES, PAGE_WORDS, say, speaking

__all__ = ["Readings", "page_words", "readings"]

Readings = Mapping[str, Mapping[int, Mapping[str, str]]]
"""By language, then by the number of a part of the page: its properties that read differently from English."""
_READ = ("html_template", "label")
"""Properties of Gradio's components that hold words."""


def readings(page: gr.Blocks, compose: Callable[[], gr.Blocks]) -> Readings:
    """How `page`, which `compose` made in English, reads in every other language. The drafts are thrown away."""
    return {language: _differences(page, compose, language) for language in LANGUAGES if language != "en"}


def _differences(page: gr.Blocks, compose: Callable[[], gr.Blocks], language: str) -> Mapping[int, Mapping[str, str]]:
    with speaking(language):
        draft = compose()
    parts = {}
    for ours, theirs in zip(page.blocks.values(), draft.blocks.values(), strict=True):
        differing = {name: getattr(theirs, name) for name in _READ if getattr(theirs, name, None) != getattr(ours, name, None)}
        if differing:
            parts[ours._id] = differing
    return parts


def page_words(readings: Readings) -> str:
    """All that the page needs to choose a language, as JSON that may stand in a script."""
    words = {}
    for language in LANGUAGES:
        with speaking(language):
            words[language] = {key: say(key) for key in PAGE_WORDS}
    return json.dumps({"words": words, "parts": readings}).replace("</", "<\\/")
