from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.setup.errors import SetupError
from app.setup.pip import condense, explain, run_pip


@pytest.mark.parametrize(
    ("line", "news"),
    [
        ("  Downloading torch-2.13.0-cp312-cp312-manylinux_2_28_x86_64.whl (526.6 MB)\n", "torch 2.13.0 526.6 MB"),
        ("  Downloading https://example.org/a/warp_lang-1.19.0-py3-none-any.whl (149.3 MB)\n", "warp-lang 1.19.0 149.3 MB"),
        ("  Using cached PyOpenGL-3.1.0.zip (2.2 MB)\n", "PyOpenGL 3.1.0 2.2 MB"),
        ("Processing /wheels/six-1.17.0-py2.py3-none-any.whl (from mediapipe)\n", "six 1.17.0"),
        ("Processing /wheels/torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl\n", "torch 2.13.0+cpu"),
        ("  Building wheel for pyopengl (setup.py): started\n", "building pyopengl"),
        ("Installing collected packages: a, b, c\n", "unpacking 3 packages"),
        ("  Downloading numpy-1.26.4-cp312-cp312-manylinux_2_17_x86_64.whl.metadata (61 kB)\n", None),
        ("Collecting numpy==1.26.4\n", None),
        ("Requirement already satisfied: pip in ./x\n", None),
    ],
)
def test_a_line_of_pips_becomes_package_version_and_size(line: str, news: str | None):
    assert condense(line) == news


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("WARNING: Retrying ... Temporary failure in name resolution\nERROR: No matching distribution found for x", "network"),
        ("pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.", "network"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "chown"),
        ("ERROR: No matching distribution found for mediapipe==0.10.21", "no build of mediapipe==0.10.21"),
        ("error: externally-managed-environment", "python3 -m venv"),
        ("ERROR: Something new.\n", "pip says: Something new"),
        ("", "run the same line again"),
    ],
)
def test_a_failure_of_pips_becomes_one_sentence(log: str, words: str):
    sentence = explain(log, python="python3", folder=Path("/x"))
    assert words in sentence
    assert "\n" not in sentence


def test_pips_own_words_are_kept_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    log = tmp_path / "install.log"
    with pytest.raises(SetupError, match="there is no build of no-such-package"):
        run_pip(["install", "--dry-run", "no-such-package"], python=Path(sys.executable), log=log)
    assert "No matching distribution found" in log.read_text()
