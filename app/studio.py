"""The page: panels around a viewport, and whose session it belongs to."""

from __future__ import annotations

import gradio as gr

from app.autosave import Autosave
from app.languages import Readings, page_words
from app.panels import (
    driver,
    expressions,
    header,
    inspector,
    keys,
    layers,
    lia_x,
    mixpad,
    render,
    session,
    sources,
    transport,
    viewport,
)
from app.recent import Recent
from app.server import Binder
from app.sessions import Sessions
from app.stage import Stage
from app.widgets.widget import read_source
from app.words import say, sentence
from loki_core.errors import InputError

__all__ = ["build_studio", "page_head"]

_HOUR = 3600


def build_studio(stage: Stage, sessions: Sessions, autosave: Autosave, recent: Recent) -> gr.Blocks:
    """Compose the page. Every page that is opened gets a session of its own, which ends with it."""
    bind = Binder(sessions)

    def begin(request: gr.Request) -> str:
        assert request.session_hash is not None
        try:
            return sessions.open(request.session_hash).token
        except InputError as error:
            raise gr.Error(sentence(str(error))) from error

    def end(request: gr.Request) -> None:
        assert request.session_hash is not None
        sessions.close(request.session_hash)

    with gr.Blocks(title=say("title"), analytics_enabled=False, fill_width=True, delete_cache=(_HOUR, _HOUR)) as page:
        header.build(bind, autosave, stage, recent)
        with gr.Row(elem_id="ls-desk"):
            with gr.Column(elem_id="ls-left"):
                sources.build(bind, stage)
            with gr.Column(elem_id="ls-centre"):
                viewport.build(bind)
                transport.build(bind)
                keys.build()
            with gr.Column(elem_id="ls-right"), gr.Tabs(elem_id="ls-tabs"):
                with gr.Tab(say("tab_face")):
                    inspector.build(bind)
                with gr.Tab(say("tab_expressions")):
                    expressions.build(bind, list(stage.expressions.values()))
                    mixpad.build(list(stage.expressions.values()))
                with gr.Tab(say("tab_driver"), elem_id="ls-tab-driver"):
                    driver.build(bind, stage)
                with gr.Tab(say("layers"), elem_id="ls-tab-layers"):
                    layers.build(bind)
                with gr.Tab(say("tab_render")):
                    render.build(bind)
                with gr.Tab(say("tab_liax")):
                    lia_x.build(bind)
        link = session.build(bind)
        page.load(begin, None, link, show_progress="hidden", api_visibility="private")
        page.unload(end)
    return page


def page_head(readings: Readings) -> str:
    """Style sheet and script that the page's parts share, before any of them runs; and how the page reads in other languages.

    Not through Gradio's `css`, which rewrites selectors and loses those with commas inside `:is()`.
    """
    shared = "\n".join(
        read_source(name)
        for name in (
            "language.js",
            "tips.js",
            "works.js",
            "carry.js",
            "store.js",
            "panes.js",
            "gizmos.js",
            "curves.js",
            "keyview.js",
            "sheet.js",
            "plot.js",
            "graph.js",
            "compare.js",
            "recorder.js",
            "slots.js",
            "soundtrack.js",
        )
    )
    script = f"{shared}\nwindow.loki = new LokiStudio(LokiLanguage({page_words(readings)}));"
    return f"<style>{read_source('base.css')}</style><script>{script}</script>"
