"""The studio, served for real, in a headless Chromium."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from app.serve import serve
from app.stage import Limits
from benchmarks.chromium import READY, SWITCHES, find_chromium

CHROMIUM = find_chromium()
_PATIENCE = 120_000
"""Milliseconds that nothing but a hang takes, however busy the machine is."""
expect.set_options(timeout=_PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium found; install the system's package 'chromium'"))


@pytest.fixture(scope="session")
def studio() -> Iterator[str]:
    """The address of a studio that is served while the tests run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop, opened = threading.Event(), Queue[str]()
    server = threading.Thread(
        target=serve,
        args=("127.0.0.1", port),
        kwargs={"limits": Limits(pages=16), "opened": opened.put, "wait": stop.wait},
        daemon=True,
    )
    server.start()
    yield opened.get(timeout=120)
    stop.set()
    server.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(_PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, studio: str) -> Page:
    """A page with the example on it, paused, in which nothing has gone wrong."""
    page = open_page(context, studio)
    page.keyboard.press("Space")
    page.wait_for_function("!window.loki.playing")
    return page


def open_page(context: BrowserContext, studio: str) -> Page:
    """Open the studio and wait for its first pictures."""
    page = context.new_page()
    page.goto(studio)
    page.wait_for_function(READY)
    return page


def let_go(page: Page, file: Path, place: str, kind: str) -> None:
    """Drop a file of that media type on a place of the page."""
    files = page.evaluate_handle(
        """([data, name, type]) => {
          const files = new DataTransfer();
          files.items.add(new File([Uint8Array.from(data)], name, { type }));
          return files;
        }""",
        [list(file.read_bytes()), file.name, kind],
    )
    page.dispatch_event(place, "drop", {"dataTransfer": files})
