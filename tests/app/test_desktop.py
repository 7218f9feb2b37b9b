from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest
from packaging.requirements import Requirement

from app.desktop import REQUIREMENTS_DESKTOP, check_desktop
from loki_core.errors import InputError


def test_what_a_window_lacks_is_one_sentence_with_a_way_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if find_spec("webview") is not None and sys.platform != "linux":
        pytest.skip("nothing is lacking here")
    with pytest.raises(InputError, match="run: |leave --desktop out") as refusal:
        check_desktop()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_every_system_gets_one_pinned_pywebview(platform: str):
    lines = [line for line in REQUIREMENTS_DESKTOP.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    wanted = [
        found for found in map(Requirement, lines) if found.marker is None or found.marker.evaluate({"sys_platform": platform})
    ]
    assert [(found.name, str(found.specifier)) for found in wanted] == [("pywebview", "==6.2.1")]
