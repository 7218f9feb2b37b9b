"""`doctor`: what this machine has, what is missing, what that is needed for, and the line that mends it.

Standard library only: it has to speak on a machine where nothing else works. Packages are asked in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from app.commands.options import Subparsers, add_command, check_output
from app.setup.environment import REQUIREMENTS, ROOT
from app.setup.requirements import installed_version, read_requirements
from app.setup.system import SYSTEM_LIBRARIES, install_line, library_loads

__all__ = ["Finding", "add", "find_chromium", "findings", "run"]

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_HEAD = ROOT / "presets" / "heads" / "anny.npz"
_FREE_BYTES = 2_000_000_000
"""Room for a few rendered videos and their cached frames."""
_DRAW_WITH_GL = """
import pyrender
from OpenGL.GL import GL_RENDERER, glGetString
renderer, scene = pyrender.OffscreenRenderer(8, 8), pyrender.Scene()
scene.add(pyrender.PerspectiveCamera(1))
renderer.render(scene)
renderer._platform.make_current()
print(glGetString(GL_RENDERER).decode())
"""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    found: str | None
    """Version or value; None = missing."""
    needed_for: str
    required: bool = False
    """The studio does not run without it."""
    way_out: str = ""
    """The line that mends it."""

    @property
    def state(self) -> str:
        return "ok" if self.found is not None else "missing" if self.required else "absent"


def add(commands: Subparsers) -> None:
    parser = add_command(
        commands,
        "doctor",
        "Say what this machine has and what is missing, with the line that mends it.",
        example="python launch.py doctor --json report.json",
        run=run,
        needs_packages=False,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the findings as a list of objects, too")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 0 if the studio can run, 2 if it cannot."""
    if arguments.json:
        check_output(arguments.json, (".json",))
    found = []
    for way_out, group in groupby(findings(), key=lambda finding: "" if finding.found else finding.way_out):
        for finding in group:
            print(_line(finding), flush=True)
            found.append(finding)
        if way_out:
            print(f"           {way_out}", flush=True)
    if arguments.json:
        rows = [{**asdict(finding), "state": finding.state} for finding in found]
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    lacking = [finding.name for finding in found if finding.state == "missing"]
    print(f"\nThe studio cannot run: {', '.join(lacking)} missing." if lacking else "\nThe studio can run.")
    return 2 if lacking else 0


def _line(finding: Finding) -> str:
    if finding.found is not None:
        return f"  ok       {finding.name:<24} {finding.found}"
    return f"  {finding.state:<8} {finding.name:<24} needed for {finding.needed_for}"


def findings() -> Iterator[Finding]:
    """All checks, from what everything rests on to what few need."""
    yield Finding("Python", f"{platform.python_version()} ({sys.executable})", "everything", required=True)
    yield from _packages()
    yield from _working_parts()
    yield from _libraries()
    yield _disk()
    yield Finding("embedded head", _HEAD.name if _HEAD.exists() else None, "everything", True, "git checkout -- presets/heads")
    yield _flame()
    webview = installed_version("pywebview")
    yield Finding("pywebview", webview, "--desktop, a window of its own", way_out="pip install -r requirements-desktop.txt")
    yield Finding("Chromium", find_chromium(), "the browser tests", way_out=install_line("chromium"))


def _packages() -> Iterator[Finding]:
    for requirement in read_requirements(REQUIREMENTS):
        version = installed_version(requirement.name)
        fits = version is not None and requirement.admits(version)
        wanted = f"the studio ({requirement} wanted, {version or 'none'} here)"
        yield Finding(requirement.name, version if fits else None, wanted, True, "python launch.py (installs what is missing)")


def _working_parts() -> Iterator[Finding]:
    """Packages that can be installed and still not work."""
    if installed_version("mediapipe"):
        yield Finding(
            "OpenCV loads", _ask("import cv2; print(cv2.__version__)"), "face tracking", True, install_line("libgl1 libglib2.0-0")
        )
    if installed_version("imageio-ffmpeg"):
        ffmpeg = _ask("import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_version())")
        yield Finding("ffmpeg", ffmpeg, "writing video", True, "pip install --force-reinstall imageio-ffmpeg")
    if installed_version("pyrender"):
        gl = _ask(_DRAW_WITH_GL, PYOPENGL_PLATFORM="egl")
        yield Finding("GL without a screen", gl, "pyrender's shaded view", way_out=install_line("libegl1 libgles2 libgl1"))
    if installed_version("torch"):
        cuda = _ask("import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')")
        yield Finding("CUDA GPU", cuda, "speed alone: everything here runs on the CPU")


def _libraries() -> Iterator[Finding]:
    for name, library in SYSTEM_LIBRARIES.items():
        found = "found" if sys.platform != "linux" or library_loads(name) else None
        yield Finding(name, found, library.needed_for, way_out=install_line(library.debian_package))


def _disk() -> Finding:
    free = shutil.disk_usage(ROOT).free
    found = f"{free / 1e9:.0f} GB free" if free > _FREE_BYTES else None
    return Finding("disk space", found, f"rendered frames ({free / 1e9:.1f} GB free)", way_out="free some space")


def _flame() -> Finding:
    return Finding(
        "FLAME head",
        None,
        "motions of other FLAME tools; the embedded head does all else",
        way_out="register at https://flame.is.tue.mpg.de (licence: non-commercial, except FLAME 2023 Open, CC BY 4.0)",
    )


def find_chromium() -> str | None:
    """Path of the system's Chromium or Chrome."""
    return next(filter(None, map(shutil.which, _CHROMIUMS)), None)


def _ask(code: str, **environment: str) -> str | None:
    """What Python code prints in a process of its own (GL may crash the one it is in); None if it fails or prints nothing."""
    try:
        answer = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **environment},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    text = answer.stdout.strip()
    return text if answer.returncode == 0 and text else None
