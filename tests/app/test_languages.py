"""What the browser is told of the page in other languages."""

from __future__ import annotations

import json

import gradio as gr

from app.languages import page_words, readings
from app.words import say


def compose() -> gr.Blocks:
    with gr.Blocks() as page:
        gr.HTML(html_template=f"<p>{say('language')}</p>")
        gr.HTML(html_template="<p>2</p>")
        with gr.Tab(say("language")):
            gr.HTML(html_template="</script>")
    return page


def test_only_what_differs_is_told_by_the_number_of_its_part():
    page = compose()
    found = readings(page, compose)
    assert [sorted(parts.items()) for parts in found["zh"].values()] == [[("html_template", "<p>语言</p>")], [("label", "语言")]]
    for number, parts in found["zh"].items():
        assert all(hasattr(page.blocks[number], name) for name in parts)


def test_nothing_in_the_words_ends_the_script_that_they_stand_in():
    text = page_words({"zh": {1: {"html_template": "</script>"}}})
    assert "</" not in text
    assert json.loads(text)["parts"] == {"zh": {"1": {"html_template": "</script>"}}}
    assert json.loads(text)["words"]["en"]["lost"] == say("lost")
