"""A real stage with the example on it: built once, shared by the tests of the page's handlers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from app.example import furnish, load_example
from app.serve import load_stage
from app.sessions import Session, Sessions
from app.stage import Limits, Sitter, Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ThreadPoolExecutor(1) as executor:
        yield load_stage(executor, Limits(upload_megabytes=1, clip_seconds=2, pages=3), tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="session")
def astronaut(stage: Stage) -> Sitter:
    return load_example(stage)


@pytest.fixture
def sessions(stage: Stage, astronaut: Sitter, tmp_path: Path) -> Iterator[Sessions]:
    sessions = Sessions(stage, tmp_path, partial(furnish, astronaut))
    yield sessions
    sessions.close_all()


@pytest.fixture
def session(sessions: Sessions) -> Session:
    return sessions.open("page")
