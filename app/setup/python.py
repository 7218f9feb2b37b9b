"""Which Python will do. Keeps to the syntax of any Python 3, so that a wrong one can be told which one is needed."""

import shutil
import subprocess

__all__ = ["suits", "wrong_python_message"]

_SUITS = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))"  # mediapipe 0.10.21 has no build for later ones


def suits(python: str) -> bool:
    """Whether that interpreter runs and is a Python which the pinned packages have builds for."""
    return subprocess.call([python, "-c", _SUITS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def wrong_python_message(version: str) -> str:
    """One sentence that ends in the line to type instead."""
    found = [name for name in ("python3.12", "python3.11") if shutil.which(name) and suits(name)]
    way_out = "run: " if found else "install 3.12 (https://www.python.org/downloads), then run: "
    line = "{} launch.py".format(found[0] if found else "python3.12")
    return "Loki Studio needs Python 3.11 or 3.12, and this is {}; {}{}".format(version, way_out, line)
