"""The studio in headless Chromium: how long a slider takes to move the pixels, playback, and the start."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.chromium import READY, SWITCHES, find_chromium
from benchmarks.measure import Measurement

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["run"]

_ROOT = Path(__file__).resolve().parents[1]
_DRAG = (_ROOT / "benchmarks" / "studio.js").read_text(encoding="utf-8")
_DRAG_SECONDS = 6
_PLAY_SECONDS = 4
_PATIENCE = 120
"""Seconds to wait for anything."""
_COUNT_PAINTED = """async ([view, seconds]) => {
  const keys = new Set();
  window.loki.on("painted", () => keys.add(window.loki.pictures[view].key));
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  return keys.size / seconds;
}"""


def run() -> list[Measurement]:
    """Start the studio as a user does, and use its page. Nothing is measured where there is no Chromium or no playwright."""
    executable = find_chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        executable = None
    if executable is None:
        print("studio: left out; install Chromium, and playwright from requirements-dev.txt", file=sys.stderr)
        return []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(SWITCHES))
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        start = time.monotonic()
        with _studio() as address:
            answers = time.monotonic() - start
            page.goto(address)
            page.wait_for_function(READY, timeout=1000 * _PATIENCE)
            shown = time.monotonic() - start
            return [
                Measurement("studio answers after start", answers, "s", "<= 8"),
                Measurement("moving example on screen after start", shown, "s"),
                *_measure_playback(page),
                *_measure_drag(page, "side", None),
                *_measure_drag(page, "map", "<= 50"),
            ]


def _measure_playback(page: Page) -> list[Measurement]:
    """The first round, in which every frame is drawn for the first time; side by side."""
    rates = {view: page.evaluate(_COUNT_PAINTED, [view, _PLAY_SECONDS]) for view in ("map", "warp")}
    return [
        Measurement("playback, new frames of the map", rates["map"], "1/s"),
        Measurement("playback, new frames of the warp", rates["warp"], "1/s", ">= 12"),
    ]


def _measure_drag(page: Page, view: str, budget: str | None) -> list[Measurement]:
    """From the slider's event to the map's pixels on the canvas."""
    page.evaluate("window.loki.pause()")
    page.evaluate("value => window.loki.edit({ do: 'look', name: 'view', value })", view)
    page.wait_for_timeout(1500)
    waits = sorted(page.evaluate(_DRAG, _DRAG_SECONDS))
    beside = {"side": "map and warp shown", "map": "map shown"}[view]
    return [
        Measurement(f"slider to pixel, {beside}, median", statistics.median(waits), "ms"),
        Measurement(f"slider to pixel, {beside}, 95 %", waits[int(len(waits) * 0.95)], "ms", budget),
    ]


@contextmanager
def _studio() -> Iterator[str]:
    """The address of a studio in a process of its own, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    with subprocess.Popen([sys.executable, str(_ROOT / "launch.py"), "--port", str(port)], stdout=subprocess.DEVNULL) as server:
        try:
            _wait_for(address, server)
            yield address
        finally:
            server.terminate()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # the address is ours
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.05)
    raise RuntimeError(f"expected the studio to answer at {address} within {_PATIENCE} seconds; it did not")
