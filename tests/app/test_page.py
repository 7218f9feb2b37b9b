"""The whole page can be laid out in every language."""

from __future__ import annotations

from functools import partial

from app.autosave import Autosave
from app.languages import readings
from app.recent import Recent
from app.sessions import Sessions
from app.stage import Stage
from app.studio import build_studio
from app.words import LANGUAGES


def test_the_page_is_laid_out_in_every_language(stage: Stage, sessions: Sessions):
    compose = partial(build_studio, stage, sessions, Autosave(None, sessions), Recent(None))
    page = compose()
    found = readings(page, compose)
    assert set(found) == set(LANGUAGES) - {"en"}
    assert all(len(parts) > 10 for parts in found.values())
