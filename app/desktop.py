"""The studio in a window of its own, through pywebview, which only this needs and which is therefore not required.

The window is a process of its own: what draws pages may end the one it is in, where a system library is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from app.setup.environment import ROOT
from app.setup.system import install_line, library_loads
from app.words import say
from loki_core.errors import InputError

__all__ = ["REQUIREMENTS_DESKTOP", "check_desktop", "show_window"]

REQUIREMENTS_DESKTOP = ROOT / "requirements-desktop.txt"
_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libnss3.so": "libnss3",
}
"""What Qt draws with on Linux and its wheel does not bring, and Debian's packages with them."""
_SIZE, _SMALLEST = (1440, 860), (1100, 680)
"""Pixels."""
_BROWSER = "leave --desktop out and open the address in a browser"


def check_desktop() -> None:
    """Refuse, before anything is loaded, what could not open a window."""
    if find_spec("webview") is None:
        line = f'"{sys.executable}" -m pip install -r "{REQUIREMENTS_DESKTOP}"'
        raise InputError(f"a window of its own needs the package pywebview, which is not installed; run: {line}")
    if sys.platform != "linux":
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise InputError(f"there is no screen for a window of its own; {_BROWSER}")
    lacking = [package for library, package in _LIBRARIES.items() if not library_loads(library)]
    if lacking:
        raise InputError(f"a window of its own needs system libraries; run: {install_line(' '.join(lacking))}")


def show_window(url: str, kept: Path | None) -> None:
    """Show the page until its window is closed. `kept`: folder in which the window remembers what a browser would; None: nowhere.

    Raises `InputError` where the system has nothing that could draw a page.
    """
    ours = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM_PLUGIN_PATH"}  # OpenCV's, of another Qt
    command = [sys.executable, "-m", "app.desktop", url, *([] if kept is None else [str(kept)])]
    with subprocess.Popen(command, cwd=ROOT, env=ours, stderr=subprocess.PIPE, text=True) as window:
        try:
            _, told = window.communicate()
        finally:
            window.terminate()
    if window.returncode:
        reason = (told.strip().splitlines() or [f"status {window.returncode}"])[-1]
        raise InputError(f"no window can be opened ({reason}); {_BROWSER}")


def _main(url: str, kept: str | None = None) -> None:
    import webview

    webview.settings["ALLOW_DOWNLOADS"] = True
    width, height = _SIZE
    webview.create_window(say("title"), url, width=width, height=height, min_size=_SMALLEST, text_select=True)
    webview.start(private_mode=kept is None, storage_path=kept)


if __name__ == "__main__":
    _main(*sys.argv[1:])
