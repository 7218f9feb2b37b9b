"""The system's Chromium without a window: for the browser tests and for what is measured in a page."""

from __future__ import annotations

import shutil

__all__ = ["READY", "SWITCHES", "find_chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")

SWITCHES = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""Runs as root in a container, and asks nothing of the network by itself."""

READY = "window.loki?.pictures.map && window.loki.pictures.warp"
"""True in a page of the studio that shows both pictures."""


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome, None where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
